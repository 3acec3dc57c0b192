import ArgumentParser
import GridModel
import Machine

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a command in a machine.",
        discussion: """
            The current directory is shared at its own path; user and group numbers are yours; standard input, output and
            error are the command's own. Returns the command's status; 124: wall time reached; 125: refused or failed by
            sojourn; 126: cannot be run; 127: not found.
            """)

    @OptionGroup var machine: MachineOptions

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments, after --.")
    var command: [String] = []

    func run() throws {
        if let first = command.first, first.hasPrefix("-"), first != "--" { try refuse(option: first) }
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        guard !words.isEmpty else { throw ValidationError("no command given: add it at the end, after --") }
        let record = try MachineSession(options: machine, command: words, wantsTerminal: nil).run()
        throw ExitCode(Int32(record.outcome.exitStatus))
    }
}

extension RunCommand {
    /// Of what is not known here all is passed on; but no command's name begins with a dash.
    private func refuse(option: String) throws {
        if ["-h", "--help"].contains(option) { throw CleanExit.helpRequest(RunCommand.self) }
        throw ValidationError(
            "unknown option '\(option)'; 'sojourn run --help' names all, and the command comes after them, behind --")
    }
}

struct ShellCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Open an interactive shell in a machine.",
        discussion: "As 'sojourn run', with the image's bash or sh on a terminal of its own.")

    @OptionGroup var machine: MachineOptions

    /// The image's best shell; not a login shell, whose profile would undo the image's PATH.
    private static let command = [
        "/bin/sh", "-c", "if command -v bash >/dev/null; then exec bash -i; else exec sh -i; fi",
    ]

    func run() throws {
        let record = try MachineSession(options: machine, command: Self.command, wantsTerminal: true).run()
        throw ExitCode(Int32(record.outcome.exitStatus))
    }
}
