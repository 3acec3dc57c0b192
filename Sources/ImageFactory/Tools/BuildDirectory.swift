import GridModel
import ImageStore
import System

/// A directory `cache/build-…` of one build, held by a lock: what a killed build left has a free lock, and the next build
/// removes it.
struct BuildDirectory {
    let path: String
    private let lock: FileLock

    static func with<Result>(home: Home, tools: Toolbox, _ body: (String) throws -> Result) throws -> Result {
        let directory = try make(home: home, tools: tools)
        defer { remove(directory.path, tools) }
        return try withExtendedLifetime(directory.lock) { try body(directory.path) }
    }

    private static func make(home: Home, tools: Toolbox) throws -> BuildDirectory {
        // No directory may be seen between its making and its locking.
        let sweeping = try FileLock.wait("\(home.cache)/sweep.lock")
        return try withExtendedLifetime(sweeping) {
            for name in try Files.list(home.cache) where name.hasPrefix("build-") {
                if let left = try FileLock.take("\(home.cache)/\(name)/lock") {
                    withExtendedLifetime(left) { remove("\(home.cache)/\(name)", tools) }
                }
            }
            var path: String
            repeat {
                path = "\(home.cache)/build-\(String(UInt32.random(in: .min ... .max), radix: 36))"
            } while Files.exists(path)
            try Files.makeDirectories(path, mode: 0o700)
            guard let lock = try FileLock.take("\(path)/lock") else {
                throw SystemError(code: 0, message: "lock the new build directory \(path): somebody else has it")
            }
            return BuildDirectory(path: path, lock: lock)
        }
    }

    /// Files in it may belong to subordinate users, which only their namespace may remove. A failure leaves it to the next
    /// build, and must not hide the outcome of this one.
    private static func remove(_ path: String, _ tools: Toolbox) {
        do {
            try tools.runInNamespaces(.remove, ["-rf", "--one-file-system", path], deadline: .seconds(300))
        } catch {
            tools.note("could not remove \(path): \(error)")
        }
    }
}
