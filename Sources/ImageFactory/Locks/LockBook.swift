import GridModel
import ImageFormat
import ImageStore
import Linux

/// The locks of a home: one file for each recipe that was built, so that the next build gives the same bits.
struct LockBook {
    private let directory: String

    init(home: Home) throws {
        directory = home.locks
        try Files.makeDirectories(directory, mode: 0o700)
    }

    /// Nil where there is none.
    func lock(of name: String) throws -> Lock? { try Self.read(path(name)) }

    func keep(_ lock: Lock, of name: String) throws { try Self.write(lock, to: path(name)) }

    /// Keeps it where there is none yet.
    func keepFirst(_ lock: Lock, of name: String) throws {
        if !Files.exists(path(name)) { try keep(lock, of: name) }
    }

    static func read(_ path: String) throws -> Lock? {
        guard Files.exists(path) else { return nil }
        return try Lock(decoding: try Files.read(path, limit: 64 << 20), source: path)
    }

    static func write(_ lock: Lock, to path: String) throws {
        try Files.write(try lock.encoded(pretty: true), to: path)
    }

    private func path(_ name: String) -> String { "\(directory)/\(FileName.of(name)).json" }
}
