import ArgumentParser
import GridModel
import ImageFactory
import ImageStore
import StrictJSON

struct ImageRebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Build an image again from the recipe and the lock inside it, and compare.",
        discussion: """
            Says 'identical' if every bit is the same. Otherwise names the files that differ and exits with 1. Nothing is \
            stored.
            """)

    @Argument(help: "An environment, a digest, or at least 8 digits of one.")
    var reference: String

    @Option(
        name: .long, help: "Take inputs from a directory that 'image export --inputs' wrote.", completion: .directory)
    var inputs: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let image = try store.image(reference: reference)
        let result = try home.factory(store: store, checks: false).rebuild(image, inputs: inputs)
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
