import GuestProtocol
import Linux

/// The job's process with its standard streams, as the agent holds them.
struct Payload {
    let pid: Int32
    /// Where its standard input is written; nil once closed.
    var input: Descriptor?
    /// Where its output is read, until each has ended.
    var outputs: [(stream: GuestMessage.Stream, descriptor: Descriptor)]
    let terminal: Descriptor?

    /// Why a command could not be started, in the shell's terms.
    struct Refusal: Error {
        let failure: GuestMessage.Failure
    }

    static func start(_ context: GuestContext, in group: PayloadGroup) throws -> Payload {
        let path = try find(context.command[0], context)
        let members = try group.openMembers()
        if let window = context.terminal { return try startOnTerminal(path, context, window, members) }
        let input = try Descriptor.pipe()
        let output = try Descriptor.pipe()
        let error = try Descriptor.pipe()
        for end in [input.read, input.write, output.read, output.write, error.read, error.write] {
            // So that the payload can open /dev/stdin and its like, which are these pipes.
            try Boot.setOwner(end, uid: context.user.uid, gid: context.user.gid)
        }
        let pid = try spawn(
            path, context, members, [input.read, output.write, error.write], terminal: false)
        for end in [input.write, output.read, error.read] { try end.setNonblocking() }
        return Payload(
            pid: pid, input: input.write, outputs: [(.output, output.read), (.error, error.read)], terminal: nil)
    }

    private static func startOnTerminal(
        _ path: String, _ context: GuestContext, _ window: GuestContext.Window, _ members: Descriptor
    ) throws -> Payload {
        let (master, slave) = try Terminal.openPair()
        try Boot.setOwner(slave, uid: context.user.uid, gid: 5)
        try Terminal.setWindow(.init(columns: window.columns, rows: window.rows), of: master.raw)
        let pid = try spawn(path, context, members, [slave, slave, slave], terminal: true)
        try master.setNonblocking()
        return Payload(pid: pid, input: master, outputs: [(.output, master)], terminal: master)
    }

    private static func spawn(
        _ path: String, _ context: GuestContext, _ members: Descriptor, _ descriptors: [Descriptor], terminal: Bool
    ) throws -> Int32 {
        var child = ChildSpecification(
            path, Array(context.command.dropFirst()), environment: context.environment, descriptors: descriptors)
        child.directory = context.directory
        child.newSession = true
        child.controllingTerminal = terminal
        child.cgroups = [members]
        child.credentials = .init(
            uid: context.user.uid, gid: context.user.gid, groups: context.user.groups.map(\.gid))
        child.dropCapabilities = true
        do {
            return try ChildProcess.fork(child)
        } catch let error as SystemError where error.code == Self.notABinary {
            // A script without `#!`: the shell's habit (execvp(3)).
            child.arguments = [path] + child.arguments
            child.executable = "/bin/sh"
            return try ChildProcess.fork(child)
        } catch let error as SystemError {
            let reason: GuestMessage.Failure.Reason = error.isMissing ? .commandNotFound : .notExecutable
            throw Refusal(failure: .init(reason: reason, message: error.message))
        }
    }

    private static let notABinary: Int32 = 8  // ENOEXEC

    /// The command's path: as it stands if it has a slash, else the first of that name on the payload's PATH.
    private static func find(_ command: String, _ context: GuestContext) throws -> String {
        if command.contains("/") {
            return command.hasPrefix("/") ? command : "\(context.directory)/\(command)"
        }
        let path = context.environment.first { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/bin:/bin"
        let candidates = path.split(separator: ":").map { "\($0)/\(command)" }
        if let found = candidates.first(where: Files.isExecutable) { return found }
        if let found = candidates.first(where: { Files.exists($0) && !Files.isDirectory($0) }) { return found }
        throw Refusal(
            failure: .init(reason: .commandNotFound, message: "no '\(command)' on PATH in the image (\(path))"))
    }
}
