/// Writes a tar archive: ustar headers, preceded by a pax header where an entry does not fit one.
package final class TarWriter {
    private let sink: ByteSink

    package init(sink: @escaping ByteSink) { self.sink = sink }

    /// An entry whose contents are at hand.
    package func append(_ entry: TarEntry, contents: [UInt8] = []) throws {
        var rest = contents
        try append(entry) {
            defer { rest = [] }
            return rest
        }
    }

    /// `contents` is called until it returns nothing; all together must be as many bytes as the entry says, none for
    /// other entries than files. After an error the archive is of no use.
    package func append(_ entry: TarEntry, contents: () throws -> [UInt8]) throws {
        var size: Int64 = 0
        if case .file(let announced) = entry.kind { size = announced }
        try sink(try header(of: entry, size: size))
        try copyExactly(size, of: entry.path, from: contents, to: sink)
        try pad(size)
    }

    /// Ends the archive with the two blocks of zeros.
    package func finish() throws { try sink([UInt8](repeating: 0, count: 2 * TarHeader.blockSize)) }

    private func pad(_ size: Int64) throws {
        let count = size.padding(to: Int64(TarHeader.blockSize))
        if count > 0 { try sink([UInt8](repeating: 0, count: count)) }
    }

    private func header(of entry: TarEntry, size: Int64) throws -> [UInt8] {
        let (flag, link) = try Self.type(of: entry)
        var path = Array(entry.path.utf8)
        try Self.check(path, "name", of: entry)
        if entry.kind == .directory && path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
        var pax = PaxAttributes()
        func fitting(_ value: Int64, _ limit: Int64, _ attribute: WritableKeyPath<PaxAttributes, Int64?>) -> Int64 {
            if (0...limit).contains(value) { return value }
            pax[keyPath: attribute] = value
            return 0
        }
        var header = TarHeader(name: [], flag: flag, mode: Int64(entry.mode & 0o7777))
        header.uid = fitting(Int64(entry.uid), TarHeader.shortOctalLimit, \.uid)
        header.gid = fitting(Int64(entry.gid), TarHeader.shortOctalLimit, \.gid)
        header.size = fitting(size, TarHeader.octalLimit, \.size)
        header.mtime = fitting(entry.mtime, TarHeader.octalLimit, \.mtime)
        if link.count <= 100 && link.allSatisfy({ $0 < 0x80 }) { header.link = link } else { pax.linkPath = link }
        let parts = TarHeader.split(path)
        if parts == nil { pax.path = path }
        header.name = parts?.name ?? Array("PaxEntry".utf8)
        return Self.encoded(pax) + header.encoded(prefix: parts?.prefix ?? [])
    }

    /// The pax header with its own block before it; nothing where there is nothing to say.
    private static func encoded(_ pax: PaxAttributes) -> [UInt8] {
        guard !pax.isEmpty else { return [] }
        let records = pax.encoded()
        var header = TarHeader(name: Array("PaxHeader".utf8), flag: TarHeader.Flag.extended, mode: 0o644)
        header.size = Int64(records.count)
        let padding = header.size.padding(to: Int64(TarHeader.blockSize))
        return header.encoded() + records + [UInt8](repeating: 0, count: padding)
    }

    private static func type(of entry: TarEntry) throws -> (flag: UInt8, link: [UInt8]) {
        switch entry.kind {
        case .file(let size):
            guard (0..<1 << 62).contains(size) else {
                throw ArchiveError(.limitExceeded, "write tar entry \(printable(entry.path)): \(size) is no size")
            }
            return (UInt8(ascii: "0"), [])
        case .directory: return (UInt8(ascii: "5"), [])
        case .symbolicLink(let target):
            try check(Array(target.utf8), "target", of: entry)
            return (UInt8(ascii: "2"), Array(target.utf8))
        case .hardLink, .characterDevice, .blockDevice, .fifo:
            throw ArchiveError(
                .refused,
                "write tar entry \(printable(entry.path)): only files, directories and symbolic links are written")
        }
    }

    private static func check(_ text: [UInt8], _ what: String, of entry: TarEntry) throws {
        guard (1...TarEntry.pathLimit).contains(text.count), !text.contains(0) else {
            throw ArchiveError(
                .refused,
                "write tar entry '\(printable(entry.path))': its \(what) is empty, holds NUL, or is longer than "
                    + "\(TarEntry.pathLimit) bytes")
        }
    }
}
