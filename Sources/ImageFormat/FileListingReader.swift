import GridModel
import StrictJSON

/// Reads a listing piece by piece, and nothing but what `FileListingWriter` writes: unknown keywords, another order of
/// keywords or of paths, a path twice, or one that leaves the tree are refused.
package struct FileListingReader {
    private let source: String
    private let read: () throws -> [UInt8]?
    private var buffer: [UInt8] = []
    /// Of the next line, in the buffer.
    private var start = 0
    private var atEnd = false
    private var lineNumber = 0
    private var last: String?

    /// `read` returns the next piece, nil or nothing at the end; `source` says in messages where it comes from.
    package init(source: String, read: @escaping () throws -> [UInt8]?) {
        self.source = source
        self.read = read
    }

    /// The next entry; nil at the end.
    package mutating func next() throws -> FileEntry? {
        if lineNumber == 0 {
            guard let line = try nextLine(), line.elementsEqual(FileListing.header.utf8.dropLast()) else {
                throw fault("it does not begin with #mtree")
            }
        }
        guard let line = try nextLine() else { return nil }
        let entry = try self.entry(of: line)
        if let last, FileEntry.compare(last, entry.path) >= 0 {
            throw fault("'\(entry.path.prefix(200))' stands twice, or not where bytewise order has it")
        }
        last = entry.path
        return entry
    }

    private func fault(_ reason: String) -> ImageFormatError {
        FileListing.refusal(
            "\(source), line \(max(lineNumber, 1)): this is no listing of files as sojourn writes it: \(reason)")
    }

    /// Says of a refusal in which line it was met.
    private func located<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as ImageFormatError { throw fault(error.message) }
    }

    private mutating func nextLine() throws -> ArraySlice<UInt8>? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                lineNumber += 1
                guard end - start < FileListing.lineLimit else { throw tooLong() }
                return buffer[start..<end]
            }
            guard buffer.count - start < FileListing.lineLimit else { throw tooLong() }
            if atEnd {
                guard start == buffer.count else { throw fault("it ends within a line") }
                return nil
            }
            buffer.removeSubrange(..<start)
            start = 0
            searched = buffer.count
            let piece = try read() ?? []
            atEnd = piece.isEmpty
            buffer += piece
        }
    }

    private func tooLong() -> ImageFormatError { fault("a line is longer than \(FileListing.lineLimit) bytes") }

    private func entry(of line: ArraySlice<UInt8>) throws -> FileEntry {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 64, omittingEmptySubsequences: false)
        let path = try self.path(of: words[0])
        var values: [String: ArraySlice<UInt8>] = [:]
        for word in words.dropFirst() {
            guard let sign = word.firstIndex(of: UInt8(ascii: "=")) else { throw fault("a keyword has no '='") }
            let keyword = String(decoding: word[..<sign], as: UTF8.self)
            guard values.updateValue(word[(sign + 1)...], forKey: keyword) == nil else {
                throw fault("the keyword '\(keyword.prefix(100))' stands twice")
            }
        }
        let entry = try self.entry(path: path, values: &values)
        if let unknown = values.keys.min() {
            throw fault("the keyword '\(unknown.prefix(100))' is unknown, or not one of this type of file")
        }
        // One text for one list: what reads back as the same entry but is written otherwise is not ours.
        guard try located({ try FileListing.line(entry) }).dropLast().elementsEqual(line) else {
            throw fault("it is not written in the one form that there is: order of keywords, digits, or escapes")
        }
        return entry
    }

    private func path(of word: ArraySlice<UInt8>) throws -> String {
        if word.elementsEqual(".".utf8) { return "." }
        guard word.starts(with: "./".utf8) else { throw fault("a path does not begin with ./") }
        let path = try text(of: word.dropFirst(2))
        guard path != "." else { throw fault("'.' is no name") }
        try located { try FileListing.check(path: path) }
        return path
    }

    /// Takes what it understands out of `values`.
    private func entry(path: String, values: inout [String: ArraySlice<UInt8>]) throws -> FileEntry {
        guard let mode = UInt16(try take("mode", from: &values), radix: 8), mode <= 0o7777 else {
            throw fault("the mode is not octal")
        }
        let uid: UInt32 = try number("uid", from: &values)
        let gid: UInt32 = try number("gid", from: &values)
        let time = try take("time", from: &values)
        guard time.hasSuffix(".0"), let seconds = Int64(time.dropLast(2)), seconds >= 0 else {
            throw fault("the time is not in whole seconds, as in 1700000000.0")
        }
        let kind = try self.kind(from: &values)
        var attributes: [String: [UInt8]] = [:]
        for keyword in values.keys.filter({ $0.hasPrefix("xattr.") }) {
            let text = values.removeValue(forKey: keyword).map { String(decoding: $0, as: UTF8.self) }
            guard let value = text.flatMap(Base64.decode) else {
                throw fault("the value of '\(keyword.prefix(100))' is not base 64")
            }
            attributes[String(keyword.dropFirst(6))] = value
        }
        return FileEntry(
            path: path, kind: kind, mode: mode, uid: uid, gid: gid, modified: Timestamp(seconds: seconds),
            attributes: attributes)
    }

    private func kind(from values: inout [String: ArraySlice<UInt8>]) throws -> FileEntry.Kind {
        switch try take("type", from: &values) {
        case "dir": return .directory
        case "fifo": return .fifo
        case "socket": return .socket
        case "file":
            let size: Int64 = try number("size", from: &values)
            let digest = try digest(parsing: try take("sha256digest", from: &values))
            return .file(size: size, digest: digest)
        case "link":
            guard let target = values.removeValue(forKey: "link") else { throw fault("a link has no target") }
            return .symbolicLink(target: try text(of: target))
        case "char":
            let (major, minor) = try device(from: &values)
            return .characterDevice(major: major, minor: minor)
        case "block":
            let (major, minor) = try device(from: &values)
            return .blockDevice(major: major, minor: minor)
        case let other: throw fault("the type '\(other.prefix(100))' is unknown")
        }
    }

    private func digest(parsing hex: String) throws -> Digest {
        do { return try Digest(parsing: "sha256:\(hex)") } catch { throw fault("\(error)") }
    }

    private func device(from values: inout [String: ArraySlice<UInt8>]) throws -> (UInt32, UInt32) {
        let parts = try take("device", from: &values).split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "native", let major = UInt32(parts[1]), let minor = UInt32(parts[2]) else {
            throw fault("a device is not of the form native,MAJOR,MINOR")
        }
        return (major, minor)
    }

    private func number<Number: FixedWidthInteger>(
        _ keyword: String, from values: inout [String: ArraySlice<UInt8>]
    ) throws -> Number {
        guard let number = Number(try take(keyword, from: &values)), number >= 0 else {
            throw fault("'\(keyword)' is no number, or too large")
        }
        return number
    }

    private func take(_ keyword: String, from values: inout [String: ArraySlice<UInt8>]) throws -> String {
        guard let value = values.removeValue(forKey: keyword) else { throw fault("'\(keyword)=' is missing") }
        return String(decoding: value, as: UTF8.self)
    }

    /// Undoes the escapes.
    private func text(of word: ArraySlice<UInt8>) throws -> String {
        var bytes: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8), rest.count >= 3 else {
                throw fault("an escape is not a backslash and three octal digits")
            }
            bytes.append(value)
            rest = rest.dropFirst(3)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw fault("a name is not UTF-8") }
        return text
    }
}
