import ImageStore
import Linux

/// A directory `cache/registry-…` for what is on its way to or from a registry, held by a lock: what a killed command left
/// has a free lock, and the next one removes it.
enum RegistryDirectory {
    static func with<Result>(_ home: Home, _ body: (String) throws -> Result) throws -> Result {
        let (path, lock) = try make(home)
        return try withExtendedLifetime(lock) {
            do {
                let result = try body(path)
                try Files.removeTree(path)
                return result
            } catch {
                try Files.removeTree(path)
                throw error
            }
        }
    }

    private static func make(_ home: Home) throws -> (String, FileLock) {
        // No directory may be seen between its making and its locking.
        let making = try FileLock.wait(home.sweepLock)
        return try withExtendedLifetime(making) {
            for name in try Files.list(home.cache) where name.hasPrefix("registry-") {
                let left = "\(home.cache)/\(name)"
                guard let free = try FileLock.take("\(left)/lock") else { continue }
                try withExtendedLifetime(free) { try Files.removeTree(left) }
            }
            let path = "\(home.cache)/registry-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            try Files.makeDirectories(path, mode: 0o700)
            guard let lock = try FileLock.take("\(path)/lock") else {
                throw SystemError(code: 0, message: "lock the new directory \(path): somebody else has it")
            }
            return (path, lock)
        }
    }
}
