import Glibc

/// A program of the host that is run to its end, with nothing on its standard input.
package enum Tool {
    /// Runs it and throws, with the end of what it said, unless it returns 0. It ends with this process.
    package static func run(_ program: String, _ arguments: [String], log: String, directory: String? = nil) throws {
        let output = try Descriptor.open(log, O_RDWR | O_CREAT | O_APPEND)
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        var child = ChildSpecification(
            program, arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"],
            descriptors: [null.raw, output.raw, output.raw])
        child.directory = directory
        child.parentDeathSignal = SIGKILL
        let status = try ChildProcess.spawn(child).wait()
        if status == .exited(0) { return }
        let said = String(decoding: try Files.read(log, limit: 16 << 20).suffix(2000), as: UTF8.self)
        throw SystemError(code: 0, message: "\(program) failed (\(status)): \(said)")
    }
}
