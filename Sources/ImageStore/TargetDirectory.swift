import Glibc
import GridModel
import Linux

/// A directory outside the home that something is written to.
struct TargetDirectory {
    let path: String

    /// Runs `body` while no other program of ours writes there. The lock leaves nothing behind.
    func withLock<Result>(_ body: () throws -> Result) throws -> Result {
        let opened = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
        try retrying("lock \(path)") { flock(opened.raw, LOCK_EX) }
        return try withExtendedLifetime(opened) { try body() }
    }

    /// Refuses before anything is written where these bytes and a little more do not fit.
    func requireSpace(_ bytes: Int64, for purpose: String) throws {
        let free = try Files.freeSpace(path)
        guard free - bytes >= 16 << 20 else {
            throw ImageStoreError(
                .noSpace,
                "cannot \(purpose): the disk of \(path) has \(ByteCount(free).rounded) left, "
                    + "\(ByteCount(bytes + 16 << 20).rounded) are needed; make room there, or use another disk")
        }
    }
}
