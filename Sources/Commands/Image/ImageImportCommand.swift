import ArgumentParser
import GridModel
import ImageStore
import Machine

struct ImageImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take images and kernels from an OCI image layout.",
        discussion: """
            Every blob is compared with its digest, every list, lock and tree is read, and every block of a filesystem compared \
            with its verity tree before the home changes. An imported image becomes what its name means, unless the home has \
            one of younger packages. The digests are printed, one a line.

            It runs once somebody answers for it: a catalogue that this site trusts, or you, by its digest (sojourn site \
            approve image DIGEST).

            An image that was not made by sojourn is imported by a recipe: from: oci:DIRECTORY:NAME.
            """)

    @Argument(help: "A directory that 'image export --to' or skopeo wrote.", completion: .directory)
    var directory: String

    @Argument(help: "A name, a digest, or at least 8 digits of one; by default all images and kernels.")
    var reference: String?

    @Flag(help: "Show no progress.")
    var quiet = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let line = ProgressLine(isWanted: !quiet)
        defer { line.clear() }
        let result = try store.importLayout(directory, reference, at: .now) { line.show($0) }
        line.clear()
        for name in result.skipped { Report.line("sojourn: \(name) was passed over: it is not of sojourn's form") }
        for item in result.items {
            let state = item.isNew ? "imported" : "was there already"
            let meaning = item.isNewest ? "" : "; the name still means one with younger packages"
            Report.line("sojourn: \(item.name) \(state)\(meaning)")
            print(item.digest)
        }
        Report.line("sojourn: \(result.sum.text("blob"))")
    }
}
