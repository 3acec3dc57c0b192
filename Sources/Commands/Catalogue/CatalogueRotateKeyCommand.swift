import ArgumentParser
import Distribution

struct CatalogueRotateKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-key", abstract: "Draft other keys for a role.",
        discussion: """
            ROLE is root, targets, snapshot, timestamp or an experiment. A new root is signed by enough of the keys before \
            and enough of the keys after. Publish the drafts of one rotation together.
            """)

    @Argument(help: "The role.")
    var role: String

    @Option(help: ArgumentHelp("A key that leaves: its name in the catalogue, or its id.", valueName: "key"))
    var old: [String] = []

    @Option(help: ArgumentHelp("A key that enters: one of this home, or a .pub file.", valueName: "key"))
    var new: [String] = []

    @Option(help: ArgumentHelp("How many must sign from then on; by default as before.", valueName: "count"))
    var threshold: Int?

    @OptionGroup var options: DraftOptions

    func validate() throws {
        if old.isEmpty && new.isEmpty && threshold == nil {
            throw ValidationError("say what changes: --old KEY, --new KEY, --threshold COUNT")
        }
    }

    func run() throws {
        try options.make(try options.home.open()) { drafting, keys in
            let rotation = Drafting.Rotation(old: old, new: try new.map { try keys.named($0) }, threshold: threshold)
            return try drafting.rotate(role, rotation)
        }
    }
}

struct CatalogueRenewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew", abstract: "Draft what a role says already, with a later expiry.",
        discussion: "Snapshot and timestamp are renewed by 'catalogue refresh'.")

    @Argument(help: "The role: root, targets or an experiment.")
    var role: String

    @OptionGroup var options: DraftOptions

    func validate() throws {
        if ["snapshot", "timestamp"].contains(role) {
            throw ValidationError("\(role) is renewed by: sojourn catalogue refresh DIR")
        }
    }

    func run() throws {
        try options.make(try options.home.open()) { drafting, _ in [try drafting.renew(role)] }
    }
}
