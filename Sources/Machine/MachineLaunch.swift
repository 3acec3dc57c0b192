import Glibc
package import GridModel
import Linux

/// Starts supervisors, and finds out how they ended.
package struct MachineLaunch: Sendable {
    package let directory: MachineDirectory
    let supervisor: ChildProcess
    /// While this is open the machine knows that we live.
    private let lifeline: Descriptor

    /// Writes the machine's directory below `machines` and starts its supervisor, detached from this terminal and session.
    package static func start(
        _ specification: MachineSpecification, in machines: String, installation: Installation
    ) throws -> MachineLaunch {
        let (directory, lock) = try MachineDirectory.create(specification, in: machines)
        let (read, write) = try Descriptor.pipe()
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let log = try Descriptor.open(directory.supervisorLog, O_WRONLY | O_CREAT | O_APPEND)
        var child = ChildSpecification(
            installation.executable, ["machine", "run", directory.path, "--lifeline", "3", "--lock", "4"],
            environment: Host.environment, descriptors: [null, log, log, read, lock.file])
        child.newSession = true
        child.directory = "/"
        let supervisor = try ChildProcess.spawn(child)
        return MachineLaunch(directory: directory, supervisor: supervisor, lifeline: write)
    }

    /// Connects to the supervisor as soon as it listens; nil if it ended before.
    func connect() throws -> Descriptor? {
        while true {
            if let socket = try? Socket.connect(to: directory.socket) { return socket }
            if try Poll.wait(for: supervisor.ended.raw, until: .now.advanced(by: .milliseconds(5))) { return nil }
        }
    }

    /// Waits for the supervisor's end and reads the record, which is written here if the supervisor could not.
    package func finish() throws -> MachineRecord {
        let status = try supervisor.wait()
        if !directory.hasRecord {
            let lock = try FileLock.wait(directory.lock)
            try withExtendedLifetime(lock) { try directory.finishAbandoned(now: .now, because: status) }
        }
        return try MachineRecord.read(directory.record)
    }
}

extension Timestamp {
    package static var now: Timestamp { Timestamp(seconds: Host.realtime.seconds) }
}
