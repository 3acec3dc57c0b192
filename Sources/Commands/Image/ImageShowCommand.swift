import ArgumentParser
import ImageFormat
import ImageStore

struct ImageShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an image or a kernel, or one part of it.",
        discussion: """
            Without a flag: what it is, and what it needs. --lock and --recipe print what 'image build --lock' and 'image build' \
            read. --files prints one line for each path; what a layer removes of those below it is marked 'removed'.
            """)

    enum Part: String, EnumerableFlag {
        case packages, files, layers, provenance, sbom, lock, recipe

        static func help(for part: Part) -> ArgumentHelp? {
            switch part {
            case .packages: "Its packages with their versions."
            case .files: "Its files, and the layer that each comes from."
            case .layers: "Its filesystems, or the parts of a kernel."
            case .provenance: "What it was made from, and what is said about it."
            case .sbom: "Its bill of materials, as SPDX 2.3 JSON."
            case .lock: "The lock: every input by digest, as JSON."
            case .recipe: "The texts of its recipes, the system's first."
            }
        }
    }

    @Argument(help: "An environment, a kernel's name, a digest, or at least 8 digits of one.")
    var reference: String

    @Flag(exclusivity: .exclusive)
    var part: Part?

    @Flag(help: "Print JSON; of files, one object a line.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let artifact = try store.artifact(reference: reference)
        guard let part else { return try description(of: artifact, store).show(asJSON: json) }
        Report.line("sojourn: \(artifact.name) is \(artifact.digest)")
        switch part {
        case .packages: try PackageTable(store.packages(of: artifact)).show(asJSON: json)
        case .layers: try PartTable(artifact, store).show(asJSON: json)
        case .provenance: try ProvenanceReport(artifact, store).show(asJSON: json)
        case .sbom: try Report.data(store.billOfMaterials(of: artifact.digest))
        case .lock: try Report.data(store.lock(of: artifact).encoded(pretty: true))
        case .recipe: for recipe in try store.recipes(of: artifact) { try Report.data(recipe) }
        case .files:
            guard case .image(let image) = artifact else {
                throw ValidationError("\(artifact.name) is a kernel, which has no list of files; see its --layers")
            }
            try FileTable(image, store).show(asJSON: json)
        }
    }

    private func description(of artifact: StoredArtifact, _ store: ImageStore) throws -> any Shown {
        switch artifact {
        case .image(let image): ImageDescription(image, kernel: try store.kernel(of: image))
        case .kernel(let kernel): KernelDescription(kernel)
        }
    }
}
