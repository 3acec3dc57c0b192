import ArgumentParser
import GridModel
import ImageFactory
import ImageStore

struct ImageBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build an image or a kernel from its recipe.",
        discussion: """
            The last line of standard output is the digest of the manifest. The first build chooses every package and keeps \
            the choice as a lock; from the same recipe and lock every later build gives the same bits, here and elsewhere.
            """)

    @Argument(
        help: "An environment (os/debian12, lhc/pythia8:8.317.2@debian12), a kernel's name, or a recipe file.",
        completion: .file(extensions: ["yaml"]))
    var recipe: String

    @Option(
        name: .long, help: "Read the lock from this file; if it is not there, write the new one to it.",
        completion: .file(extensions: ["json"]))
    var lock: String?

    @Flag(name: .long, help: "Refuse to make a new lock.")
    var locked = false

    @Flag(name: .long, help: "Make a new lock from today's packages; the system below stays as it is.")
    var fresh = false

    @Option(
        name: .long, help: "Take inputs from a directory that 'image export --inputs' wrote.", completion: .directory)
    var inputs: String?

    @Flag(name: .long, help: "Do not run the recipe's checks in a machine; payloads are told that nobody did.")
    var noCheck = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        var options = BuildOptions()
        options.lockFile = lock
        options.mustBeLocked = locked
        options.isFresh = fresh
        options.inputs = inputs
        print(try home.factory(store: try home.store(), checks: !noCheck).build(recipe, options))
    }
}
