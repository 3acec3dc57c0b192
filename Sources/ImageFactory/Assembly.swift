import GridModel
import ImageFormat

/// An image put together from its layers.
struct Assembly {
    let configuration: ImageConfiguration
    let artifact: AssembledArtifact

    var manifest: OCIManifest { artifact.manifest }
    var digest: Digest { get throws { try artifact.digest } }

    /// From its layers, the lowest first, as descriptors of filesystem, verity tree and list of files; each of `base` with
    /// where it is.
    init(
        chain: RecipeChain, lock: Lock, variables: [String: String], top: BuiltLayer, base: [AssembledArtifact.Part]
    ) throws {
        guard let kernel = lock.kernel else { preconditionFailure("the lock of an image names its kernel") }
        let layers = base + (try Self.describe(top))
        let filesystems = layers.filter { $0.descriptor.mediaType == MediaType.layer }.map(\.descriptor.digest)
        let recipe = chain.recipe
        var configuration = ImageConfiguration(
            architecture: "amd64", created: lock.time, environment: recipe.environment,
            variables: variables.map { "\($0.key)=\($0.value)" }.sorted(), layers: filesystems,
            kernel: kernel.digest, systemName: top.systemName.isEmpty ? recipe.environment.os : top.systemName,
            needs: chain.needs)
        configuration.checks = recipe.checks
        configuration.purpose = recipe.purpose
        configuration.licence = recipe.licence
        self.configuration = configuration
        let config = AssembledArtifact.blob(try configuration.encoded(), MediaType.imageConfiguration)
        let texts = chain.layers.map { AssembledArtifact.blob($0.text.bytes, MediaType.recipe) }
        let rest =
            texts + [
                AssembledArtifact.blob(try lock.encoded(), MediaType.lock),
                AssembledArtifact.blob(try top.packages.encoded(), MediaType.packages),
            ]
        let manifest = OCIManifest(
            artifactType: MediaType.image, config: config.descriptor, layers: (layers + rest).map(\.descriptor),
            annotations: [Annotation.name: recipe.environment.description])
        artifact = AssembledArtifact(manifest, layers + [config] + rest)
    }

    /// The parts of one layer.
    static func describe(_ layer: BuiltLayer) throws -> [AssembledArtifact.Part] {
        let name = [Annotation.layerName: layer.name]
        return [
            try AssembledArtifact.blob(
                movingFile: layer.filesystem, MediaType.layer,
                name.merging(layer.verity.annotations) { old, _ in old }),
            try AssembledArtifact.blob(movingFile: layer.tree, MediaType.verityTree, name),
            try AssembledArtifact.blob(movingFile: layer.listing, MediaType.files, name),
        ]
    }
}
