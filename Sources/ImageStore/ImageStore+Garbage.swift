import Glibc
package import GridModel
import ImageFormat
import Linux

/// What was, or would be, removed.
package struct Garbage: Codable, Equatable, Sendable {
    package var files = 0
    /// That the files take on the disk; holes take none.
    package var bytes: Int64 = 0

    static func += (sum: inout Garbage, other: Garbage) {
        sum.files += other.files
        sum.bytes += other.bytes
    }
}

extension ImageStore {
    /// Removes blobs that nothing names, if they were stored at least `age` ago: younger ones may belong to a build under
    /// way. What an import left that was killed goes by the same age.
    package func collectGarbage(olderThan age: Duration, now: Timestamp, dryRun: Bool = false) throws -> Garbage {
        var garbage = try withLock {
            if !dryRun { try sweep() }
            let kept = Set(try readIndex().manifests.flatMap { try blobs(of: $0) }.map(\.digest.hex))
            var garbage = try remove(from: blobs, olderThan: age, now: now, dryRun: dryRun) { kept.contains($0) }
            if Files.exists(partials) {
                // What a blob stands for as a whole no machine begins to read in parts.
                garbage += try remove(from: partials, olderThan: age, now: now, dryRun: dryRun) {
                    kept.contains($0) && !Files.exists("\(blobs)/\($0)")
                }
            }
            return garbage
        }
        let left = importStaging
        // Nil where an import is under way.
        if Files.exists(left), let lock = try FileLock.take(importLock) {
            try withExtendedLifetime(lock) {
                let blobs = "\(left)/images/blobs/sha256"
                if Files.exists(blobs) {
                    let abandoned = try remove(from: blobs, olderThan: age, now: now, dryRun: dryRun) { _ in false }
                    garbage += abandoned
                }
                if !dryRun, try !Files.exists(blobs) || Files.list(blobs).isEmpty { try Files.removeTree(left) }
            }
        }
        return garbage
    }

    /// Removes inputs that neither an image or kernel of the store nor a lock of the home names, if they were kept at least
    /// `age` ago.
    package func collectInputs(olderThan age: Duration, now: Timestamp, dryRun: Bool = false) throws -> Garbage {
        let directory = home.inputBlobs
        guard Files.exists(directory) else { return Garbage() }
        var kept: Set<String> = []
        func keep(_ lock: Lock) { kept.formUnion(lock.inputs.map(\.digest.hex)) }
        // A lock that cannot be read keeps everything: it is an error.
        for artifact in try artifacts() { keep(try lock(of: artifact)) }
        let locks = home.locks
        for name in Files.exists(locks) ? try Files.list(locks) : [] where name.hasSuffix(".json") {
            let path = "\(locks)/\(name)"
            keep(try Lock(decoding: try Files.read(path, limit: 64 << 20), source: path))
        }
        return try remove(from: directory, olderThan: age, now: now, dryRun: dryRun) { kept.contains($0) }
    }

    /// Runs `body` while no image is built in this home; refuses where one is. An import keeps what it needs by itself.
    package func withoutBuilds<Result>(_ body: () throws -> Result) throws -> Result {
        let cache = home.cache
        // Held, it lets no build make its directory.
        let sweeping = try FileLock.wait(home.sweepLock)
        let locks = try Files.list(cache).compactMap { name -> FileLock? in
            let isBuild = name.hasPrefix("build-")
            let path = isBuild ? "\(cache)/\(name)/lock" : "\(cache)/\(name)"
            guard isBuild || name.hasSuffix(".lock"), ![home.sweepLock, importLock].contains(path) else { return nil }
            guard isBuild ? Files.exists(path) : true else { return nil }
            if let lock = try FileLock.take(path) { return lock }
            throw ImageStoreError(
                .busy, "an image is being built in \(home.path) (\(path) is locked); try again when it is done")
        }
        return try withExtendedLifetime((sweeping, locks)) { try body() }
    }

    private func remove(
        from directory: String, olderThan age: Duration, now: Timestamp, dryRun: Bool, unless isKept: (String) -> Bool
    ) throws -> Garbage {
        var garbage = Garbage()
        for name in try Files.list(directory) where !isKept(name) {
            let path = "\(directory)/\(name)"
            guard let stored = try statusChanged(path), now.seconds - stored >= age.components.seconds else { continue }
            garbage.files += 1
            garbage.bytes += try BlobCopy.allocated(path)
            if !dryRun { try Files.remove(path) }
        }
        return garbage
    }

    /// When a file was put where it is, in seconds since 1970; nil where there is none. Not when its content was last
    /// changed: what was unpacked or downloaded may be years old by that. A rename counts (rename(2) of ext4, XFS, btrfs).
    private func statusChanged(_ path: String) throws -> Int64? {
        var status = stat()
        if lstat(path, &status) == 0 { return Int64(status.st_ctim.tv_sec) }
        if errno == ENOENT { return nil }
        throw SystemError.last("look at \(path)")
    }
}
