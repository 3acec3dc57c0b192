import Glibc
package import Linux

/// Starts QEMU: detached from the terminal, as a user of its own, ending with the thread that started it.
package enum QEMUProcess {
    /// `number` tells this machine's user from those of other machines.
    package static func spawn(
        _ line: QEMUCommandLine, program: String, log: Descriptor, number: Int32, place: ProcessPlace = ProcessPlace()
    ) throws -> ChildProcess {
        let (arguments, descriptors) = line.build()
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        var child = ChildSpecification(
            program, arguments, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"],
            descriptors: [null, log, log] + descriptors)
        child.directory = "/"
        child.newProcessGroup = true
        child.parentDeathSignal = SIGKILL
        child.cgroups = place.cgroups
        child.processors = place.processors
        child.credentials = try QEMUUser.credentials(number: number)
        return try withExtendedLifetime(descriptors) { try ChildProcess.spawn(child) }
    }
}
