import ArgumentParser
import Glibc

/// The program `sojourn`: its commands, and what it returns for each kind of end.
package enum EntryPoint {
    package static func main() -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            var command = try SojournCommand.parseAsRoot(arguments)
            try command.run()
            exit(0)
        } catch let status as ExitCode {
            exit(status.rawValue)
        } catch {
            finish(error, runsPayload: ["run", "shell"].contains(arguments.first ?? ""))
        }
    }

    /// A command that runs a payload keeps 125 for what is not the payload's doing.
    private static func finish(_ error: any Error, runsPayload: Bool) -> Never {
        let code = SojournCommand.exitCode(for: error)
        if code == .success {
            print(SojournCommand.fullMessage(for: error))
            exit(0)
        }
        Report.error(SojournCommand.fullMessage(for: error))
        if runsPayload { exit(125) }
        exit(code == .validationFailure ? 2 : 1)
    }
}
