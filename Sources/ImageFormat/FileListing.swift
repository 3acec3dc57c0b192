import GridModel
import StrictJSON

/// The files of a layer or an image as mtree(5) lists them: one line each, sorted bytewise by path, in full.
///
/// ```
/// #mtree
/// . type=dir mode=0755 uid=0 gid=0 time=1700000000.0
/// ./usr/bin/ls type=file mode=0755 uid=0 gid=0 size=147176 time=1700000000.0 sha256digest=HEX
/// ```
///
/// There is one text for a given list: the order of keywords is fixed, and names are escaped as vis(3) does with
/// VIS_OCTAL (`\040`), the one form that libarchive, BSD's mtree and go-mtree all read. Attributes take go-mtree's
/// keyword `xattr.NAME=BASE64`, which libarchive passes over with a warning. Devices are `native,MAJOR,MINOR`:
/// libarchive 3.6 refuses `linux,` with a minor number above 255.
package enum FileListing {
    package static let header = "#mtree\n"
    /// Of a line in bytes, with its end. A path and a link target of 4095 bytes each fit, every byte escaped.
    static let lineLimit = 1 << 16
    /// PATH_MAX with the final NUL (limits.h of Linux).
    static let pathLimit = 4095
    /// NAME_MAX.
    static let nameLimit = 255

    /// The listing of entries that are already sorted.
    package static func encode(_ entries: some Sequence<FileEntry>) throws -> [UInt8] {
        var text: [UInt8] = []
        var writer = FileListingWriter { text += $0 }
        for entry in entries { try writer.add(entry) }
        try writer.finish()
        return text
    }

    /// `source` says in messages where the bytes came from.
    package static func decode(_ bytes: [UInt8], source: String) throws -> [FileEntry] {
        var rest = bytes[...]
        var reader = FileListingReader(source: source) {
            defer { rest = rest.dropFirst(1 << 16) }
            return Array(rest.prefix(1 << 16))
        }
        var entries: [FileEntry] = []
        while let entry = try reader.next() { entries.append(entry) }
        return entries
    }

    /// The line of one entry, with its end.
    package static func line(_ entry: FileEntry) throws -> [UInt8] {
        try check(path: entry.path)
        var line = Array(entry.isRoot ? ".".utf8 : "./".utf8)
        if !entry.isRoot { appendEscaped(entry.path, to: &line) }
        let mode = String(entry.mode & 0o7777, radix: 8)
        let padded = String(repeating: "0", count: max(0, 4 - mode.utf8.count)) + mode
        line += Array(" type=\(entry.kind.typeName) mode=\(padded) uid=\(entry.uid) gid=\(entry.gid)".utf8)
        if case .file(let size, _) = entry.kind { line += Array(" size=\(size)".utf8) }
        guard entry.modified.seconds >= 0 else {
            throw refusal("\(entry.absolutePath) was changed before 1970, which an image cannot hold")
        }
        line += Array(" time=\(entry.modified.seconds).0".utf8)
        switch entry.kind {
        case .file(_, let digest): line += Array(" sha256digest=\(digest.hex)".utf8)
        case .symbolicLink(let target):
            guard !target.isEmpty, target.utf8.count <= pathLimit, !target.utf8.contains(0) else {
                throw refusal("\(entry.absolutePath) is a link without a target, or with one over \(pathLimit) bytes")
            }
            line += Array(" link=".utf8)
            appendEscaped(target, to: &line)
        case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
            line += Array(" device=native,\(major),\(minor)".utf8)
        case .directory, .fifo, .socket: break
        }
        for (name, value) in entry.attributes.sorted(by: { $0.key < $1.key }) {
            guard isAttributeName(name) else {
                throw refusal("\(entry.absolutePath) has an attribute with the odd name '\(name.prefix(100))'")
            }
            line += Array(" xattr.\(name)=\(Base64.encode(value))".utf8)
        }
        line.append(UInt8(ascii: "\n"))
        guard line.count <= lineLimit else {
            throw refusal("\(entry.absolutePath): its attributes make a line of over \(lineLimit) bytes")
        }
        return line
    }

    static func refusal(_ message: String) -> ImageFormatError { ImageFormatError(.unsuitableData, message) }

    static func check(path: String) throws {
        if path == "." { return }
        let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isPlain = names.allSatisfy { name in
            !name.isEmpty && name.count <= nameLimit && !name.elementsEqual(".".utf8)
                && !name.elementsEqual("..".utf8) && !name.contains(0)
        }
        guard isPlain, path.utf8.count <= pathLimit else {
            throw refusal(
                "'\(path.prefix(200))' is no path of an image: expected names of 1 to \(nameLimit) bytes between "
                    + "slashes, none of them '.' or '..', and \(pathLimit) bytes at most")
        }
    }

    /// Letters, digits, `.`, `_` and `-`: what the kernel's own attributes consist of, safe in a keyword.
    static func isAttributeName(_ name: some StringProtocol) -> Bool {
        !name.isEmpty && name.utf8.count <= nameLimit
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
            }
    }

    /// Left as they are: printable ASCII but for the escape itself, what ends a word, begins a comment, or globs.
    private static let isPlainByte: [Bool] = (0..<256).map {
        (0x21...0x7e).contains($0) && !Array("\\#=*?[".utf8).contains(UInt8($0))
    }

    static func appendEscaped(_ text: String, to line: inout [UInt8]) {
        for byte in text.utf8 {
            if isPlainByte[Int(byte)] {
                line.append(byte)
            } else {
                line.append(UInt8(ascii: "\\"))
                for shift in [6, 3, 0] as [UInt8] { line.append(UInt8(ascii: "0") + (byte >> shift & 7)) }
            }
        }
    }
}

/// Writes a listing piece by piece.
package struct FileListingWriter {
    private let sink: ([UInt8]) throws -> Void
    private var buffer = Array(FileListing.header.utf8)
    private var last: String?

    /// `sink` gets the bytes in pieces of some 64 KiB.
    package init(_ sink: @escaping ([UInt8]) throws -> Void) { self.sink = sink }

    /// The entries must come in their order; the same path twice is refused.
    package mutating func add(_ entry: FileEntry) throws {
        if let last, FileEntry.compare(last, entry.path) >= 0 {
            throw FileListing.refusal(
                "a listing is sorted: '\(entry.path.prefix(200))' cannot follow '\(last.prefix(200))'")
        }
        last = entry.path
        buffer += try FileListing.line(entry)
        if buffer.count >= 1 << 16 { try flush() }
    }

    /// Hands over what is left; nothing may be added afterwards.
    package mutating func finish() throws { try flush() }

    private mutating func flush() throws {
        if !buffer.isEmpty { try sink(buffer) }
        buffer.removeAll(keepingCapacity: true)
    }
}
