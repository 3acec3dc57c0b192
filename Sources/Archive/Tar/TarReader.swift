/// Reads a tar archive entry by entry: ustar, pax, and GNU's long names and base-256 numbers.
///
/// Where readers are known to differ, so that one would see other entries than another, the archive is refused: sparse
/// files, links with contents, a GNU long name beside a pax path. Nothing behind the two blocks of zeros is read.
package final class TarReader {
    private static let block = Int64(TarHeader.blockSize)

    private var stream: ByteStream
    private let entryLimit: Int
    private var headers = 0
    private var ended = false
    private var global = PaxAttributes()
    private var current = "the archive"
    /// Of the entry last returned.
    private var dataLeft: Int64 = 0
    private var padding = 0

    /// `entryLimit` counts extension headers as well.
    package init(source: @escaping ByteSource, entryLimit: Int) {
        stream = ByteStream(source)
        self.entryLimit = entryLimit
    }

    /// The next entry; nil at the end. What is left of the contents before is passed over.
    package func next() throws -> TarEntry? {
        try stream.skip(dataLeft, "the contents of \(current)")
        try stream.skip(Int64(padding), "the padding of \(current)")
        (dataLeft, padding) = (0, 0)
        var extensions = Extensions()
        while let (header, offset) = try nextHeader() {
            if try !take(header, at: offset, into: &extensions) {
                return try entry(header, extensions, at: offset)
            }
        }
        if extensions.isPending {
            throw ArchiveError(.malformed, "tar archive ends at byte \(stream.offset) after an extension header")
        }
        return nil
    }

    /// The contents of the entry last returned, in pieces; empty at their end and for other entries than files.
    package func readData(upTo count: Int) throws -> [UInt8] {
        guard dataLeft > 0 else { return [] }
        let bytes = try stream.some(upTo: Int(min(Int64(count), dataLeft)))
        if bytes.isEmpty { throw stream.truncated("the contents of \(current)") }
        dataLeft -= Int64(bytes.count)
        return bytes
    }

    private func nextHeader() throws -> (TarHeader, Int64)? {
        if ended { return nil }
        let offset = stream.offset
        let block = try stream.exactly(TarHeader.blockSize, "a tar header")
        if block.allSatisfy({ $0 == 0 }) {
            guard try stream.exactly(TarHeader.blockSize, "the end mark").allSatisfy({ $0 == 0 }) else {
                throw ArchiveError(.malformed, "tar archive at byte \(offset): one block of zeros alone")
            }
            ended = true
            return nil
        }
        headers += 1
        if headers > entryLimit {
            throw ArchiveError(
                .limitExceeded, "tar archive at byte \(offset): more than the \(entryLimit) entries allowed")
        }
        return (try TarHeader(parsing: block, at: offset), offset)
    }
}

// MARK: - Extension headers

extension TarReader {
    /// What was said about the next entry before its own header.
    private struct Extensions {
        var pax: PaxAttributes?
        var longName: [UInt8]?
        var longLink: [UInt8]?

        var isPending: Bool { pax != nil || longName != nil || longLink != nil }
    }

    /// False where the header is an entry's own.
    private func take(_ header: TarHeader, at offset: Int64, into extensions: inout Extensions) throws -> Bool {
        func once(_ isFirst: Bool) throws {
            if isFirst { return }
            throw ArchiveError(.malformed, "tar header at byte \(offset): a second extension of one kind for one entry")
        }
        switch header.flag {
        case TarHeader.Flag.global:
            try global.apply(try payload(of: header, at: offset, limit: PaxAttributes.sizeLimit), at: offset)
        case TarHeader.Flag.extended:
            try once(extensions.pax == nil)
            var pax = global
            try pax.apply(try payload(of: header, at: offset, limit: PaxAttributes.sizeLimit), at: offset)
            extensions.pax = pax
        case TarHeader.Flag.longName:
            try once(extensions.longName == nil)
            extensions.longName = try longText(of: header, at: offset)
        case TarHeader.Flag.longLink:
            try once(extensions.longLink == nil)
            extensions.longLink = try longText(of: header, at: offset)
        default: return false
        }
        return true
    }

    private func longText(of header: TarHeader, at offset: Int64) throws -> [UInt8] {
        let text = try payload(of: header, at: offset, limit: Int64(TarEntry.pathLimit) + 1)
        return text.last == 0 ? text.dropLast() : text
    }

    private func payload(of header: TarHeader, at offset: Int64, limit: Int64) throws -> [UInt8] {
        guard header.size <= limit else {
            throw ArchiveError(
                .limitExceeded, "tar extension header at byte \(offset): \(header.size) bytes, \(limit) allowed")
        }
        let bytes = try stream.exactly(Int(header.size), "a tar extension header")
        try stream.skip(Int64(header.size.padding(to: Self.block)), "a tar extension header")
        return bytes
    }
}

// MARK: - Entries

extension TarReader {
    private func entry(_ header: TarHeader, _ extensions: Extensions, at offset: Int64) throws -> TarEntry {
        func malformed(_ reason: String) -> ArchiveError {
            ArchiveError(.malformed, "tar header at byte \(offset): \(reason)")
        }
        let pax = extensions.pax ?? global
        if pax.path != nil && extensions.longName != nil || pax.linkPath != nil && extensions.longLink != nil {
            throw malformed("a GNU long name and a pax path for one entry")
        }
        var path = try text(pax.path ?? extensions.longName ?? header.name, "name", at: offset)
        let hadSlash = path.utf8.last == UInt8(ascii: "/")
        let link = pax.linkPath ?? extensions.longLink ?? header.link
        let size = pax.size ?? header.size
        guard let kind = try kind(header.flag, size, hadSlash, link, at: offset) else {
            throw malformed(
                "entry '\(printable(path))' is of type '\(printable(String(Unicode.Scalar(header.flag))))', "
                    + "which is not supported; sparse files must be packed as plain ones")
        }
        if kind == .directory { while path.utf8.count > 1 && path.utf8.last == UInt8(ascii: "/") { path.removeLast() } }
        guard let uid = UInt32(exactly: pax.uid ?? header.uid), let gid = UInt32(exactly: pax.gid ?? header.gid) else {
            throw malformed("entry '\(printable(path))' has an owner that is no 32-bit number")
        }
        current = printable(path)
        if case .file = kind {
            dataLeft = size
            padding = size.padding(to: Self.block)
        } else if size != 0 {
            throw malformed("entry '\(current)' is no file but has contents")
        }
        let mode = UInt32(truncatingIfNeeded: header.mode) & 0o7777
        return TarEntry(path: path, kind: kind, mode: mode, uid: uid, gid: gid, mtime: pax.mtime ?? header.mtime)
    }

    private func kind(
        _ flag: UInt8, _ size: Int64, _ hadSlash: Bool, _ link: [UInt8], at offset: Int64
    ) throws -> TarEntry.Kind? {
        switch flag {
        // Before POSIX a directory was a file with a slash at its end.
        case 0: hadSlash ? .directory : .file(size: size)
        case UInt8(ascii: "0"), UInt8(ascii: "7"): .file(size: size)
        case UInt8(ascii: "1"): .hardLink(target: try text(link, "link target", at: offset))
        case UInt8(ascii: "2"): .symbolicLink(target: try text(link, "link target", at: offset))
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "5"): .directory
        case UInt8(ascii: "6"): .fifo
        default: nil
        }
    }

    private func text(_ bytes: [UInt8], _ what: String, at offset: Int64) throws -> String {
        guard bytes.count <= TarEntry.pathLimit else {
            throw ArchiveError(
                .limitExceeded, "tar header at byte \(offset): the \(what) is longer than \(TarEntry.pathLimit) bytes")
        }
        guard !bytes.isEmpty, !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw ArchiveError(
                .malformed, "tar header at byte \(offset): the \(what) is empty, holds NUL, or is not UTF-8")
        }
        return text
    }
}
