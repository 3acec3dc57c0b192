import ArgumentParser
import Distribution
import Trust

struct CatalogueAddRebuilderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-rebuilder", abstract: "Draft whose rebuilds of images count.",
        discussion: """
            sojourn catalogue add-rebuilder nikhef nikhef.pub --catalogue DIR

            The list stands in the metadata 'targets', which the root's keys sign: those who endorse images cannot name those \
            who confirm them.
            """)

    @Argument(help: "What the catalogue calls it: a site, a person.")
    var name: String

    @Argument(help: "The file of its public key, or a key of this home.", completion: .file(extensions: ["pub"]))
    var key: String

    @OptionGroup var options: DraftOptions

    func run() throws {
        try options.make(try options.home.open()) { drafting, keys in
            [try drafting.addRebuilder(TUF.NamedKey(name: name, key: try keys.named(key).key))]
        }
    }
}

struct CatalogueRemoveRebuilderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-rebuilder", abstract: "Draft a catalogue in which a rebuilder counts no more.")

    @Argument(help: "Its name in the catalogue, or at least 8 digits of the key's id.")
    var name: String

    @OptionGroup var options: DraftOptions

    func run() throws {
        try options.make(try options.home.open()) { drafting, _ in [try drafting.removeRebuilder(name)] }
    }
}
