import Linux
import Trust

/// The metadata that a client keeps: each file verbatim as it was served, without its version in its name.
package struct MetadataDirectory: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Of a role; nil where there is none, or one too long to be read.
    func read(_ role: String, limit: Int) throws -> [UInt8]? { try Self.read(file(role), limit) }

    /// What tells of rollbacks is on the disk when this returns; of any other role a torn file would be noticed and fetched
    /// again, and flushing each would take longer than all the rest.
    func write(_ bytes: [UInt8], role: String) throws {
        try Files.write(bytes, to: file(role), isDurable: ["timestamp", "snapshot"].contains(role))
    }

    func remove(_ role: String) throws { try Files.remove(file(role)) }

    /// Every root that was trusted stays, so that the way from the first to the newest can be walked again.
    func readRoot(version: Int64) throws -> [UInt8]? { try Self.read(rootFile(version), TUF.Limit.root) }

    /// Of the roots that were kept, from the oldest on.
    func rootVersions() throws -> [Int64] {
        guard Files.isDirectory("\(path)/root_history") else { return [] }
        return try Files.list("\(path)/root_history").filter { $0.hasSuffix(".root.json") }
            .compactMap { Int64($0.dropLast(10)) }.sorted()
    }

    /// The history first: what `root.json` is, the history then has.
    func writeRoot(_ bytes: [UInt8], version: Int64) throws {
        try Files.makeDirectories("\(path)/root_history")
        try Files.write(bytes, to: rootFile(version))
        try Files.write(bytes, to: file("root"))
    }

    /// Runs `body` while no other process updates this directory.
    package func withLock<Result>(_ body: () throws -> Result) throws -> Result {
        try Files.makeDirectories(path)
        let lock = try FileLock.wait("\(path)/.lock")
        return try withExtendedLifetime(lock) { try body() }
    }

    private func file(_ role: String) -> String { "\(path)/\(PercentEncoding.of(role)).json" }

    private func rootFile(_ version: Int64) -> String { "\(path)/root_history/\(version).root.json" }

    private static func read(_ path: String, _ limit: Int) throws -> [UInt8]? {
        guard Files.exists(path), try Files.size(path) <= limit else { return nil }
        return try Files.read(path, limit: limit)
    }
}

/// Any text as one component of a URL or a path (RFC 3986, section 2.1).
package enum PercentEncoding {
    package static func of(_ text: String) -> String { encode(text, keeping: "") }

    /// Any text as several components. What is encoded already stays so: a target's path is one of a URL (TUF's
    /// specification, "TARGETPATH").
    static func ofPath(_ text: String) -> String { encode(text, keeping: "/%!$&'()*+,;=:@") }

    private static func encode(_ text: String, keeping others: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        let others = Array(others.utf8)
        let bytes = Array(text.utf8)
        var encoded: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                encoded.append(byte)
            case UInt8(ascii: "%") where others.contains(byte) && beginsWithTwoDigits(bytes[(index + 1)...]):
                encoded.append(byte)
            case _ where byte != UInt8(ascii: "%") && others.contains(byte): encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func beginsWithTwoDigits(_ bytes: ArraySlice<UInt8>) -> Bool {
        let next = bytes.prefix(2)
        return next.count == 2 && next.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }
}
