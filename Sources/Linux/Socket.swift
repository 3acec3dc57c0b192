internal import CLinux
import Glibc

/// Stream sockets: Unix ones, and TCP of the loopback.
package enum Socket {
    package static func pair() throws -> (Descriptor, Descriptor) {
        var ends: [Int32] = [-1, -1]
        try retrying("create a socket pair") {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    /// Listens at `path`, which only this user may connect to.
    package static func listen(at path: String) throws -> Descriptor {
        let descriptor = try stream()
        try Files.remove(path)
        try withAddress(of: path) { address, length in
            _ = try retrying("listen at \(path)") { bind(descriptor.raw, address, length) }
        }
        try retrying("restrict \(path)") { chmod(path, 0o600) }
        try retrying("listen at \(path)") { Glibc.listen(descriptor.raw, 16) }
        return descriptor
    }

    package static func connect(to path: String) throws -> Descriptor {
        let descriptor = try stream()
        try withAddress(of: path) { address, length in
            _ = try retrying("connect to \(path)") { Glibc.connect(descriptor.raw, address, length) }
        }
        return descriptor
    }

    /// The next connection, if its peer is this user or root; nil where none waits or a stranger knocked.
    package static func accept(_ listener: Descriptor) throws -> Descriptor? {
        let raw = sojourn_accept(listener.raw)
        guard raw >= 0 else {
            if [EAGAIN, EINTR, ECONNABORTED].contains(errno) { return nil }
            throw SystemError.last("accept a connection")
        }
        let connection = Descriptor(owning: raw)
        var peer: uid_t = 0
        guard sojourn_peer_uid(raw, &peer) == 0, peer == geteuid() || peer == 0 else { return nil }
        return connection
    }

    /// Listens at 127.0.0.1, for whoever runs on this machine; nonblocking.
    package static func listenOnLoopback(port: UInt16) throws -> Descriptor {
        Descriptor(owning: try retrying("listen at 127.0.0.1:\(port)") { sojourn_listen_loopback(port, 64) })
    }

    /// The next connection of whomever, nonblocking; nil where none waits.
    package static func acceptAnyone(_ listener: Descriptor) throws -> Descriptor? {
        let raw = sojourn_accept(listener.raw)
        if raw >= 0 { return Descriptor(owning: raw) }
        if [EAGAIN, EINTR, ECONNABORTED].contains(errno) { return nil }
        throw SystemError.last("accept a connection")
    }

    private static func stream() throws -> Descriptor {
        Descriptor(
            owning: try retrying("create a socket") {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
    }

    /// A socket's path has 108 bytes at most (unix(7)); a longer one is reached through its directory's descriptor.
    private static func withAddress(of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) throws
    {
        let directory = try Descriptor.open(Files.parent(of: path), O_RDONLY | O_DIRECTORY)
        let short = "/proc/self/fd/\(directory.raw)/\(Files.name(of: path))"
        guard short.utf8.count < 108 else {
            throw SystemError(code: ENAMETOOLONG, message: "socket name \(path): its last part is too long")
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: short.utf8) }
        try withExtendedLifetime(directory) {
            try withUnsafePointer(to: &address) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }
}
