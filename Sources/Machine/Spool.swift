import Glibc
import Linux

/// A stream of the payload on the host's disk. What is acknowledged to the guest is in it.
struct Spool {
    private let file: Descriptor
    private(set) var bytes: Int64 = 0

    /// A new, empty file.
    init(_ path: String) throws { file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600) }

    mutating func append(_ chunk: [UInt8]) throws {
        try file.write(chunk)
        bytes += Int64(chunk.count)
    }

    func synchronise() throws { try file.synchronise() }
}

/// A guest's console: hostile and endless, so its beginning and its end are kept and the middle is counted.
struct ConsoleLog {
    private let file: Descriptor
    private var written = 0
    private var tail: [UInt8] = []
    private var dropped = 0
    private static let head = 256 << 10
    private static let tailBytes = 64 << 10

    init(_ path: String) throws { file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600) }

    mutating func append(_ chunk: [UInt8]) throws {
        let room = max(0, Self.head - written)
        try file.write(chunk.prefix(room))
        written += min(room, chunk.count)
        tail += chunk.dropFirst(room)
        if tail.count > 2 * Self.tailBytes {
            dropped += tail.count - Self.tailBytes
            tail.removeFirst(tail.count - Self.tailBytes)
        }
    }

    mutating func finish() throws {
        if dropped > 0 { try file.write("\n[… \(dropped) bytes left out …]\n".utf8) }
        try file.write(tail)
        tail = []
    }
}
