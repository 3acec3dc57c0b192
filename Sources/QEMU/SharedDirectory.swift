import Glibc
package import Linux

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
        _ directory: String, bind: ChildSpecification.Bind?, program: String, socketPath: String, log: Descriptor,
        place: ProcessPlace
    ) throws -> SharedDirectory {
        let listener = try Socket.listen(at: socketPath)
        let socket = try Socket.connect(to: socketPath)
        try Files.remove(socketPath)
        // fuse_opt(3) splits at commas: a directory's name must not be read as options.
        let source = directory.replacing("\\", with: "\\\\").replacing(",", with: "\\,")
        var child = ChildSpecification(
            program,
            [
                "--fd=3", "-f", "-o", "source=\(source)", "-o", "sandbox=namespace", "-o", "cache=auto", "-o",
                "xattr",
                "-o", "posix_lock", "-o", "flock", "-o", "announce_submounts",
                // A guest whose kernel is hostile is root in what root shares: no device nodes, no file capabilities.
                "-o", "modcaps=-mknod:-setfcap",
            ],
            environment: ["PATH=/usr/bin:/bin"], descriptors: [nil, log, log, listener])
        child.directory = "/"
        child.parentDeathSignal = SIGKILL
        child.newSession = true
        child.ownUserNamespace = Host.effectiveUser != 0
        child.bind = bind
        child.cgroups = place.cgroups
        child.processors = place.processors
        return SharedDirectory(process: try ChildProcess.spawn(child), path: directory, socket: socket)
    }
}
