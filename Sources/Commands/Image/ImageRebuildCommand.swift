import ArgumentParser
import GridModel
import ImageFactory
import ImageStore
import StrictJSON

struct ImageRebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Build an image or kernel again from the recipe and the lock inside it, and compare.",
        discussion: """
            Says 'identical' if every bit is the same. Otherwise names the files that differ and exits with 1. The image stays \
            as it is.

            With --statement, it is signed that every bit was the same: for those who publish the image, to be collected with \
            'sojourn catalogue collect'. The statement is attached to the image too: 'image push --statements' brings it to a \
            registry.
            """)

    @Argument(help: "An environment, a kernel's name, a digest, or at least 8 digits of one.")
    var reference: String

    @Option(
        name: .long, help: "Take inputs from a directory that 'image export --inputs' wrote.", completion: .directory)
    var inputs: String?

    @Option(
        help: ArgumentHelp("If it is identical, sign that and write it here.", valueName: "file"), completion: .file())
    var statement: String?

    @Option(help: ArgumentHelp("With --statement: the key, by default the home's own.", valueName: "name"))
    var key: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Show no progress.")
    var quiet = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func validate() throws {
        if key != nil && statement == nil { throw ValidationError("--key goes with --statement") }
    }

    func run() throws {
        let store = try home.store()
        let source = try RebuildSource(try store.artifact(reference: reference), in: store)
        let statements = try statement.map { _ in try RebuiltImage(store: store, key: key, passphrase) }
        let result = try home.factory(store: store, checks: false, isQuiet: quiet).rebuild(source, inputs: inputs)
        if result.isIdentical { try statements?.state(source, result, to: statement) }
        if json {
            try Report.data(try StrictJSON.encode(Answer(result), pretty: true))
        } else if result.isIdentical {
            print("identical \(result.image)")
        } else {
            print("different: \(result.image) was built again as \(result.rebuilt)")
            for line in result.differences { print(line.escapingControls) }
        }
        if !result.isIdentical { throw ExitCode(1) }
    }

    /// What `--json` prints.
    private struct Answer: Encodable {
        var image: Digest
        var rebuilt: Digest
        var identical: Bool
        var differences: [String]

        init(_ result: RebuildResult) {
            image = result.image
            rebuilt = result.rebuilt
            identical = result.isIdentical
            differences = result.differences
        }
    }
}
