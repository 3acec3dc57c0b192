import Glibc
package import System

/// A directory of the host that a machine sees, served by a virtiofsd of its own.
package struct SharedDirectory: Sendable {
    package let process: ChildProcess
    package let path: String
    /// For QEMU's vhost-user device.
    package let socket: Descriptor

    /// Starts virtiofsd for `path`; it ends with this process.
    ///
    /// As root it takes the payload's numbers for each file that it makes. An ordinary user's runs in a user namespace in
    /// which only that user's numbers exist: the payload can do there what its user can do here, and nothing more.
    ///
    /// `directory` is what virtiofsd serves: `bind` may first put the source there, read-only or a single file.
    package static func serve(
        _ directory: String, bind: ChildSpecification.Bind?, program: String, socketPath: String, log: Descriptor
    ) throws -> SharedDirectory {
        let listener = try Socket.listen(at: socketPath)
        let socket = try Socket.connect(to: socketPath)
        try Files.remove(socketPath)
        var child = ChildSpecification(
            program,
            [
                "--fd=3", "-f", "-o", "source=\(directory)", "-o", "sandbox=namespace", "-o", "cache=auto", "-o",
                "xattr",
                "-o", "posix_lock", "-o", "flock", "-o", "announce_submounts",
            ],
            environment: ["PATH=/usr/bin:/bin"], descriptors: [nil, log.raw, log.raw, listener.raw])
        child.directory = "/"
        child.parentDeathSignal = SIGKILL
        child.newSession = true
        child.ownUserNamespace = Host.effectiveUser != 0
        child.bind = bind
        return SharedDirectory(process: try ChildProcess.spawn(child), path: directory, socket: socket)
    }
}
