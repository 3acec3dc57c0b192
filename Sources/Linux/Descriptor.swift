internal import CLinux
import Glibc

/// An open file descriptor, closed when its last reference goes.
package final class Descriptor: Sendable {
    package let raw: Int32

    /// Takes ownership of `raw`.
    package init(owning raw: Int32) { self.raw = raw }

    deinit { close(raw) }

    /// Opens `path` with O_CLOEXEC added to `flags`.
    package static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws -> Descriptor {
        Descriptor(owning: try retrying("open \(path)") { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// Opens a file to read that is a file: of a pipe or a device nobody knows when it ends. `flags` may forbid a link.
    package static func openRegular(_ path: String, _ flags: Int32 = 0) throws -> Descriptor {
        let file = try open(path, O_RDONLY | O_NONBLOCK | flags)
        var status = stat()
        try retrying("look at \(path)") { fstat(file.raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(code: EINVAL, message: "read \(path): it is no regular file")
        }
        return file
    }

    /// How many names a file has.
    package func links() throws -> UInt64 {
        var status = stat()
        try retrying("look at an open file") { fstat(raw, &status) }
        return UInt64(status.st_nlink)
    }

    /// A new file of that size that takes no room yet, open for reading and writing.
    package static func createSparse(_ path: String, bytes: Int64) throws -> Descriptor {
        let file = try open(path, O_RDWR | O_CREAT | O_TRUNC)
        try retrying("set the size of \(path)") { ftruncate(file.raw, off_t(bytes)) }
        return file
    }

    /// Memory that looks like a file: shared with children, gone with the last descriptor.
    package static func memory(named name: String) throws -> Descriptor {
        Descriptor(owning: try retrying("create memory file \(name)") { sojourn_memfd(name) })
    }

    /// A pipe whose ends are both closed on exec.
    package static func pipe() throws -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        try retrying("create a pipe") { sojourn_pipe(&ends) }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    package func setNonblocking() throws {
        try retrying("set descriptor \(raw) nonblocking") { sojourn_set_nonblocking(raw) }
    }

    package func setBlocking() throws {
        try retrying("set descriptor \(raw) blocking") { sojourn_set_blocking(raw) }
    }

    /// Reads at most `count` bytes. Empty at the end of the file; nil where a nonblocking read would wait.
    package func read(upTo count: Int) throws -> [UInt8]? {
        var refused = false
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while true {
                let got = Glibc.read(raw, buffer.baseAddress, count)
                if got >= 0 {
                    filled = got
                    return
                }
                if errno == EAGAIN {
                    refused = true
                    return
                }
                // The other side of a socket died with something unread: it will say no more.
                if errno == ECONNRESET { return }
                if errno != EINTR { throw SystemError.last("read descriptor \(raw)") }
            }
        }
        return refused ? nil : bytes
    }

    /// Writes what fits without waiting on a nonblocking descriptor; returns how many bytes went.
    package func writeSome(_ bytes: ArraySlice<UInt8>) throws -> Int {
        try bytes.withUnsafeBytes { buffer in
            while true {
                let went = Glibc.write(raw, buffer.baseAddress, buffer.count)
                if went >= 0 { return went }
                if errno == EAGAIN { return 0 }
                if errno != EINTR { throw SystemError.last("write descriptor \(raw)") }
            }
        }
    }

    /// Writes all bytes to a blocking descriptor.
    package func write(_ bytes: some Sequence<UInt8>) throws {
        var rest = Array(bytes)[...]
        while !rest.isEmpty { rest = rest.dropFirst(try writeSome(rest)) }
    }

    package func synchronise() throws { try retrying("fsync descriptor \(raw)") { fsync(raw) } }

    /// The size of a regular file in bytes.
    package func size() throws -> Int64 {
        var status = stat()
        try retrying("stat descriptor \(raw)") { fstat(raw, &status) }
        return Int64(status.st_size)
    }
}

extension Descriptor {
    /// A second descriptor for what `raw` names, which stays the caller's.
    package convenience init(duplicating raw: Int32) throws {
        self.init(owning: try retrying("duplicate descriptor \(raw)") { fcntl(raw, F_DUPFD_CLOEXEC, 3) })
    }
}
