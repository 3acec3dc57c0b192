import ArgumentParser
import Distribution
import Trust

struct CatalogueAddExperimentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-experiment", abstract: "Draft who endorses for an experiment.",
        discussion: """
            Two drafts: of 'targets', which the root's keys sign and which names the endorsers, and of the experiment's own \
            role, which they sign. Both are published together. The experiment 'os' answers for systems and kernels.
            """)

    @Argument(help: "The experiment: what environments begin with.")
    var name: String

    @Option(help: ArgumentHelp("A key of this home, or a .pub file; may be repeated.", valueName: "key"))
    var endorser: [String]

    @Option(help: ArgumentHelp("How many endorsers must sign; by default more than half.", valueName: "count"))
    var threshold: Int?

    @Option(
        help: ArgumentHelp(
            "How many rebuilders must have rebuilt what is endorsed before it is published; by default none.",
            valueName: "count"))
    var requireRebuilds: Int?

    @Flag(help: "Replace the endorsers of an experiment that is there.")
    var replace = false

    @OptionGroup var options: DraftOptions

    func validate() throws {
        if let requireRebuilds, !(0...64).contains(requireRebuilds) {
            throw ValidationError("--require-rebuilds \(requireRebuilds): give a number from 0 to 64")
        }
    }

    func run() throws {
        try options.make(try options.home.open()) { drafting, keys in
            let endorsers = try endorser.map { try keys.named($0) }
            let role = try TUF.RoleKeys(endorsers, threshold: threshold ?? endorsers.count / 2 + 1)
            return try drafting.addExperiment(
                name, endorsers: role, requiredRebuilds: requireRebuilds, replacing: replace)
        }
    }
}

struct CatalogueRemoveExperimentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-experiment", abstract: "Draft a catalogue without an experiment.",
        discussion: "Its images are endorsed no more. What it said stays in the history.")

    @Argument(help: "The experiment.")
    var name: String

    @OptionGroup var options: DraftOptions

    func run() throws {
        try options.make(try options.home.open()) { drafting, _ in try drafting.removeExperiment(name) }
    }
}
