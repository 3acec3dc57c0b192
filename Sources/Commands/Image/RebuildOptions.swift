import ArgumentParser
import Distribution
import ImageFactory
import ImageFormat
import ImageStore

/// What `image pull --how rebuild` takes, and what it leaves beside the image.
struct RebuildOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With --how rebuild: take inputs from a directory that 'image export --inputs' wrote.", valueName: "dir"),
        completion: .directory)
    var inputs: String?

    @Option(
        help: ArgumentHelp("With --how rebuild: write the signed statement here too.", valueName: "file"),
        completion: .file())
    var statement: String?

    @Option(help: ArgumentHelp("With --how rebuild: the key that signs, by default the home's own.", valueName: "name"))
    var key: String?

    @OptionGroup var passphrase: PassphraseOptions

    var isGiven: Bool { inputs != nil || statement != nil || key != nil }

    /// Builds an endorsed image from its documents, takes it into the home if every bit is the endorsed one, and signs that.
    func action(
        _ store: ImageStore, home: HomeOptions, show: @escaping (String) -> Void
    ) throws -> RebuildImage {
        let factory = try home.factory(store: store, checks: false)
        let rebuilt = try RebuiltImage(store: store, key: key, passphrase)
        return { request in
            let source = try RebuildSource(manifest: request.manifestBytes, request.source.entry.digest) { blob in
                guard let bytes = request.documents[blob.digest] else {
                    throw DistributionError(
                        .unavailable, "\(request.source.entry.name): its \(blob.mediaType) was not fetched; try again")
                }
                return bytes
            }
            try rebuilt.take(source, with: factory, inputs: inputs, to: statement, show: show)
        }
    }
}
