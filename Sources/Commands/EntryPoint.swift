import ArgumentParser
import Distribution
import Glibc
import ImageFactory
import ImageStore
import KeyStore
import Linux
import Machine
import Registry
import Settings

/// The program `sojourn`: its commands, and what it returns for each kind of end.
package enum EntryPoint {
    package static func main() -> Never {
        StandardStreams.prepare()
        let arguments = Array(CommandLine.arguments.dropFirst())
        let runsPayload = ["run", "shell", "replay"].contains(arguments.first ?? "")
        var command: any ParsableCommand
        do {
            command = try SojournCommand.parseAsRoot(arguments)
        } catch {
            refuseUsage(error, runsPayload)
        }
        do {
            try command.run()
            exit(0)
        } catch let status as ExitCode {
            exit(status.rawValue)
        } catch  where SojournCommand.exitCode(for: error) == .success {
            // A wish for help.
            print(SojournCommand.fullMessage(for: error))
            exit(0)
        } catch {
            Report.error(SojournCommand.message(for: error))
            exit(runsPayload ? 125 : code(for: error))
        }
    }

    /// A wish for help is answered, anything else refused with the usage. A command that runs a payload keeps 125 for
    /// what is not the payload's doing.
    private static func refuseUsage(_ error: any Error, _ runsPayload: Bool) -> Never {
        let text = SojournCommand.fullMessage(for: error)
        if SojournCommand.exitCode(for: error) == .success {
            print(text)
            exit(0)
        }
        Report.error(text)
        exit(runsPayload ? 125 : 2)
    }

    private static func code(for error: any Error) -> Int32 {
        switch error {
        case is ValidationError: 2
        case let error as MachineError where error.code == .notFound: 3
        case let error as ImageStoreError where error.code == .unknownReference: 3
        case let error as ImageFactoryError where error.code == .unknownRecipe: 3
        case let error as KeyStoreError where error.code == .unknownKey: 3
        case let error as DistributionError where error.code == .unknownReference: 3
        case let error as RegistryError where error.code == .notFound: 3
        case let error as RegistryError where error.code == .wrongReference: 2
        case let error as ConfigurationError where error.code == .notFound: 3
        case let error as DistributionError where error.code == .notAccepted: 4
        case let error as ImageStoreError where error.code == .busy: 75
        default: 1
        }
    }
}
