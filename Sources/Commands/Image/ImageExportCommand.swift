import ArgumentParser
import GridModel
import ImageStore

struct ImageExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write an image, or what it was built from, into a directory.",
        discussion: """
            --to writes an OCI image layout with the image, its kernel, and all that is said about them: 'image import' takes \
            it in another home, skopeo copies it. --inputs writes every input of the lock with lock.json and the recipes: with \
            'image build --lock lock.json --inputs DIR' these give the same image without a network. What is there already \
            and sound is not written again, so that what was interrupted can be repeated.
            """)

    @Argument(help: "An environment, a kernel's name, a digest, or at least 8 digits of one.")
    var reference: String

    @Option(name: .long, help: "An OCI image layout, made or added to.", completion: .directory)
    var to: String?

    @Option(name: .long, help: "A directory for inputs, lock and recipes.", completion: .directory)
    var inputs: String?

    @Flag(help: "Show no progress.")
    var quiet = false

    @OptionGroup var home: HomeOptions

    func validate() throws {
        if to == nil && inputs == nil {
            throw ValidationError("say where: --to DIR for the image, --inputs DIR for its inputs")
        }
        if to != nil && to == inputs { throw ValidationError("--to and --inputs need a directory each") }
    }

    func run() throws {
        let store = try home.store()
        let artifact = try store.artifact(reference: reference)
        let line = ProgressLine(isWanted: !quiet)
        defer { line.clear() }
        if let to {
            let sum = try store.export(artifact, to: to) { line.show($0) }
            line.clear()
            Report.line("sojourn: \(artifact.name): \(sum.text("blob")) in \(to)")
        }
        if let inputs {
            let sum = try store.exportInputs(of: artifact, to: inputs) { line.show($0) }
            line.clear()
            Report.line("sojourn: \(artifact.name): \(sum.text("input")) in \(inputs)")
            if !sum.lacking.isEmpty {
                Report.line(
                    "sojourn: the home has no inputs of its kernel, which was imported: to build from \(inputs) elsewhere, "
                        + "import the kernel there (image export --to)")
            }
        }
        print(artifact.digest)
    }
}

extension TransferSum {
    /// `119 inputs, 118 of them copied (48 MiB)`.
    func text(_ noun: String) -> String {
        "\(files) \(noun)\(files == 1 ? "" : "s"), \(copied) of them copied (\(ByteCount(copiedBytes).rounded))"
    }
}
