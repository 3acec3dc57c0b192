/// What a pax extended header says about an entry (POSIX.1-2017, pax, "pax Extended Header").
struct PaxAttributes {
    /// A header with more than this is refused.
    static let sizeLimit: Int64 = 1 << 20

    var path: [UInt8]?
    var linkPath: [UInt8]?
    var size: Int64?
    var mtime: Int64?
    var uid: Int64?
    var gid: Int64?

    var isEmpty: Bool {
        path == nil && linkPath == nil && size == nil && mtime == nil && uid == nil && gid == nil
    }
}

// MARK: - Reading

extension PaxAttributes {
    /// Takes over what the records of a header say; an empty value takes back what was said before.
    mutating func apply(_ header: [UInt8], at offset: Int64) throws {
        func malformed(_ reason: String) -> ArchiveError {
            ArchiveError(.malformed, "pax header at byte \(offset): \(reason)")
        }
        var rest = header[...]
        while !rest.isEmpty {
            // "%d %s=%s\n", the number being the length of the whole record.
            let digits = rest.prefix(8).prefix { (48...57).contains($0) }
            let length = digits.reduce(0) { $0 * 10 + Int($1) - 48 }
            guard !digits.isEmpty, length <= rest.count, length >= digits.count + 4,
                rest[rest.startIndex + digits.count] == UInt8(ascii: " "),
                rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
            else { throw malformed("a record of a wrong length") }
            let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")), equals > record.startIndex else {
                throw malformed("a record without a key")
            }
            let key = String(decoding: record[..<equals], as: UTF8.self)
            guard try set(key, to: record[(equals + 1)...]) else {
                throw malformed("'\(printable(key))' has a value that is not supported")
            }
            rest = rest.dropFirst(length)
        }
    }

    /// False for a value that cannot be understood. Keys that change nothing here are passed over.
    private mutating func set(_ key: String, to value: ArraySlice<UInt8>) throws -> Bool {
        func number(_ value: ArraySlice<UInt8>) -> (accepted: Bool, value: Int64?) {
            if value.isEmpty { return (true, nil) }
            guard value.allSatisfy({ (48...57).contains($0) }) else { return (false, nil) }
            let number = Int64(String(decoding: value, as: UTF8.self))
            return (number != nil, number)
        }
        var accepted = true
        switch key {
        case "path": path = value.isEmpty ? nil : Array(value)
        case "linkpath": linkPath = value.isEmpty ? nil : Array(value)
        case "size": (accepted, size) = number(value)
        case "uid": (accepted, uid) = number(value)
        case "gid": (accepted, gid) = number(value)
        case "mtime": (accepted, mtime) = Self.time(value)
        default:
            // The contents would be a map and pieces, not the file.
            if key.utf8.starts(with: "GNU.sparse.".utf8) { return false }
        }
        return accepted && (size ?? 0) < 1 << 62
    }

    /// Seconds with or without a fraction, rounded down.
    private static func time(_ value: ArraySlice<UInt8>) -> (accepted: Bool, value: Int64?) {
        if value.isEmpty { return (true, nil) }
        let parts = value.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1] : []
        guard let seconds = Int64(String(decoding: parts[0], as: UTF8.self)),
            seconds > Int64.min, fraction.allSatisfy({ (48...57).contains($0) })
        else { return (false, nil) }
        let before1970 = value.first == UInt8(ascii: "-") && fraction.contains { $0 != 48 }
        return (true, before1970 ? seconds - 1 : seconds)
    }
}

// MARK: - Writing

extension PaxAttributes {
    /// The records in a fixed order.
    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        func put(_ key: String, _ value: [UInt8]?) {
            if let value { bytes += Self.record(key, value) }
        }
        func put(_ key: String, _ value: Int64?) { put(key, value.map { Array(String($0).utf8) }) }
        put("gid", gid)
        put("linkpath", linkPath)
        put("mtime", mtime)
        put("path", path)
        put("size", size)
        put("uid", uid)
        return bytes
    }

    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        // The length counts its own digits.
        var length = body.count
        while String(length).utf8.count + body.count != length { length = String(length).utf8.count + body.count }
        return Array(String(length).utf8) + body
    }
}
