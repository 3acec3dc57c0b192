/// A header block of 512 bytes (POSIX.1-2017, pax, "ustar Interchange Format"), with GNU's base-256 numbers.
package struct TarHeader {
    static let blockSize = 512
    /// The largest number in the 11 octal digits of size and time.
    static let octalLimit: Int64 = 0o77777777777
    /// The largest number in the 7 octal digits of uid and gid.
    static let shortOctalLimit: Int64 = 0o7777777

    /// The type flags that are not kinds of their own.
    enum Flag {
        static let extended = UInt8(ascii: "x")
        static let global = UInt8(ascii: "g")
        static let longName = UInt8(ascii: "L")
        static let longLink = UInt8(ascii: "K")
    }

    var name: [UInt8]
    var link: [UInt8] = []
    var flag: UInt8
    var mode: Int64
    var uid: Int64 = 0
    var gid: Int64 = 0
    package var size: Int64 = 0
    var mtime: Int64 = 0

    package init(name: [UInt8], link: [UInt8] = [], flag: UInt8, mode: Int64) {
        self.name = name
        self.link = link
        self.flag = flag
        self.mode = mode
    }
}

// MARK: - Reading

extension TarHeader {
    /// `offset` is the block's place in the archive, for messages.
    init(parsing block: [UInt8], at offset: Int64) throws {
        func number(_ range: Range<Int>, _ what: String) throws -> Int64 {
            guard let value = Self.number(block[range]) else {
                throw ArchiveError(.malformed, "tar header at byte \(offset): its \(what) is no number")
            }
            return value
        }
        let sum = block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int64(block[$1])) }
        guard Self.number(block[148..<156]) == sum else {
            throw ArchiveError(.checksum, "tar header at byte \(offset): wrong checksum; damaged, or not a tar archive")
        }
        name = Self.text(block[0..<100])
        mode = try number(100..<108, "mode")
        uid = try number(108..<116, "uid")
        gid = try number(116..<124, "gid")
        size = try number(124..<136, "size")
        mtime = try number(136..<148, "time")
        flag = block[156]
        link = Self.text(block[157..<257])
        // GNU ("ustar  ") keeps other things where POSIX keeps the prefix.
        if block[257..<263].elementsEqual("ustar\0".utf8) {
            let prefix = Self.text(block[345..<500])
            if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
        }
        // Room for the padding, and for the sums made of sizes.
        guard size >= 0, size < 1 << 62 else {
            throw ArchiveError(.malformed, "tar header at byte \(offset): its size is \(size)")
        }
    }

    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    /// Octal between blanks and NULs, or base-256 where the first bit is set; nil for anything else.
    package static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            // Two's complement, big-endian; the first bit is the mark, the second the sign.
            let negative = first & 0x40 != 0
            let lead = negative ? first : first & 0x3f
            var value: Int64 = negative ? -1 : 0
            for byte in CollectionOfOne(lead) + Array(field.dropFirst()) {
                let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                if overflow { return nil }
                value = product + Int64(byte)
            }
            return value
        }
        let rest = field.drop { $0 == 32 }
        let digits = rest.prefix { (48...55).contains($0) }
        guard rest.dropFirst(digits.count).allSatisfy({ $0 == 32 || $0 == 0 }) else { return nil }
        return digits.reduce(0) { $0 << 3 | Int64($1 - 48) }
    }
}

// MARK: - Writing

extension TarHeader {
    /// The block. Names must be split before, numbers must fit.
    package func encoded(prefix: [UInt8] = []) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockSize)
        func put(_ bytes: [UInt8], at start: Int) {
            block.replaceSubrange(start..<start + bytes.count, with: bytes)
        }
        func put(_ number: Int64, digits: Int, at start: Int) {
            put((0..<digits).map { UInt8(48 + (number >> Int64(3 * (digits - 1 - $0)) & 7)) }, at: start)
        }
        put(name, at: 0)
        put(mode, digits: 7, at: 100)
        put(uid, digits: 7, at: 108)
        put(gid, digits: 7, at: 116)
        put(size, digits: 11, at: 124)
        put(mtime, digits: 11, at: 136)
        put(Array("        ".utf8), at: 148)
        block[156] = flag
        put(link, at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(prefix, at: 345)
        let sum = block.reduce(0) { $0 + Int64($1) }
        put(sum, digits: 6, at: 148)
        block[154] = 0
        return block
    }

    /// The two parts of a path in a ustar header; nil where they do not fit, or where the path is not ASCII, which alone
    /// ustar knows.
    static func split(_ path: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        guard path.allSatisfy({ $0 < 0x80 }) else { return nil }
        if path.count <= 100 { return ([], path) }
        // The first slash that leaves a name short enough; none at the end, where a directory has its own.
        let slashes = path.indices.dropLast().filter { path[$0] == UInt8(ascii: "/") && $0 > 0 }
        guard let slash = slashes.first(where: { path.count - $0 - 1 <= 100 }), slash <= 155 else { return nil }
        return (Array(path[..<slash]), Array(path[(slash + 1)...]))
    }
}
