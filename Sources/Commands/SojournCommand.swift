import ArgumentParser
import GridModel

/// The root: no duty of its own but to know the nouns and verbs.
struct SojournCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sojourn",
        abstract: "Runs each job in a virtual machine with the operating system and software it asked for.",
        discussion: """
            sojourn run --os debian12 -- cat /etc/os-release
            sojourn run --env lhc/pythia8:8.317.2@debian12 --cores 1-2 --memory 1GiB -- ./zmumu.py cards.cmnd
            sojourn shell --os debian13

            An environment is EXPERIMENT/SOFTWARE:VERSION@OS. Images are built from recipes on first use and kept in the
            home (--home, SOJOURN_HOME, or ~/.local/share/sojourn).
            """,
        version: Program.version,
        subcommands: [
            RunCommand.self, ShellCommand.self, MatchCommand.self, JobsCommand.self, JobCommand.self,
            AdviseCommand.self, ReplayCommand.self,
            ImageCommand.self, KeyCommand.self, MachineCommand.self,
            SiteCommand.self, AdvisoryCommand.self, CatalogueCommand.self, EndorseCommand.self, WithdrawCommand.self,
        ])
}
