import ArgumentParser
import ImageFactory
import ImageStore

struct ImageBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build an image or a kernel from its recipe.",
        discussion: """
            The last line of standard output is the digest of the manifest. An image that was made from the same recipe is \
            not built again, unless --fresh is given.
            """)

    @Argument(
        help: "An environment (os/debian12, lhc/pythia8:8.317.2@debian12), a kernel's name, or a recipe file.",
        completion: .file(extensions: ["yaml"]))
    var recipe: String

    @Flag(help: "Build anew from today's packages.")
    var fresh = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let digest = try home.factory(store: try home.store()).build(recipe, fresh: fresh)
        print(digest)
    }
}
