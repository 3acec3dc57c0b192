import ArgumentParser
import ImageFactory
import ImageStore

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

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let image = try store.image(reference: reference)
        let result = try home.factory(store: store, checks: false).rebuild(image, inputs: inputs)
        if result.isIdentical {
            print("identical \(result.image)")
            return
        }
        print("different: \(result.image) was built again as \(result.rebuilt)")
        for line in result.differences { print(line) }
        throw ExitCode(1)
    }
}
