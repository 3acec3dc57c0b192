/// Hands out at most as many bytes as asked for, at least one, or none at the end.
package typealias ByteSource = (_ count: Int) throws -> [UInt8]

/// Takes the next bytes.
package typealias ByteSink = (_ bytes: [UInt8]) throws -> Void

/// Reads a source to the byte and knows where it stands.
struct ByteStream {
    /// What is read at once where the bytes are only passed over.
    static let chunk = 1 << 16

    private let source: ByteSource
    /// The number of bytes read so far.
    private(set) var offset: Int64 = 0

    init(_ source: @escaping ByteSource) { self.source = source }

    /// Empty at the end.
    mutating func some(upTo count: Int) throws -> [UInt8] {
        let bytes = try source(count)
        precondition(bytes.count <= count, "a source returned more than it was asked for")
        offset += Int64(bytes.count)
        return bytes
    }

    mutating func exactly(_ count: Int, _ what: @autoclosure () -> String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try some(upTo: count - bytes.count)
            if more.isEmpty { throw truncated(what()) }
            if bytes.isEmpty { bytes = more } else { bytes += more }
        }
        return bytes
    }

    mutating func skip(_ count: Int64, _ what: @autoclosure () -> String) throws {
        var rest = count
        while rest > 0 {
            let passed = try some(upTo: Int(min(rest, Int64(Self.chunk)))).count
            if passed == 0 { throw truncated(what()) }
            rest -= Int64(passed)
        }
    }

    func truncated(_ what: String) -> ArchiveError {
        ArchiveError(.truncated, "archive is truncated: it ends at byte \(offset) inside \(what)")
    }
}

extension Int64 {
    /// How many bytes are missing to the next multiple of `unit`.
    func padding(to unit: Int64) -> Int { Int((unit - self % unit) % unit) }
}
