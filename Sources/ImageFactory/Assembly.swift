import GridModel
import ImageFormat
import ImageStore
import Linux

/// An image put together, not yet in a store: its manifest, and where each blob of it is.
struct Assembly {
    enum Source {
        case bytes([UInt8])
        /// Moved into the store.
        case file(String)
        /// There already.
        case stored
    }

    private(set) var manifest: OCIManifest
    private(set) var configuration: ImageConfiguration
    private var sources: [(descriptor: OCIDescriptor, source: Source)] = []

    /// From its layers, the lowest first, as descriptors of filesystem, verity tree and list of files.
    init(chain: RecipeChain, lock: Lock, variables: [String: String], top: BuiltLayer, base: [OCIDescriptor]) throws {
        guard let kernel = lock.kernel else { preconditionFailure("the lock of an image names its kernel") }
        let own = try Self.describe(top)
        let layers =
            base.filter { $0.mediaType == MediaType.layer }
            + own.map(\.descriptor).filter { $0.mediaType == MediaType.layer }
        let recipe = chain.recipe
        configuration = ImageConfiguration(
            architecture: "amd64", created: lock.time, environment: recipe.environment,
            variables: variables.map { "\($0.key)=\($0.value)" }.sorted(), layers: layers.map(\.digest),
            kernel: kernel.digest, systemName: top.systemName.isEmpty ? recipe.environment.os : top.systemName,
            needs: chain.needs)
        configuration.checks = recipe.checks
        configuration.purpose = recipe.purpose
        configuration.licence = recipe.licence
        let config = Self.blob(try configuration.encoded(), MediaType.imageConfiguration)
        let texts = chain.layers.map { Self.blob($0.text.bytes, MediaType.recipe) }
        let rest =
            texts + [
                Self.blob(try lock.encoded(), MediaType.lock),
                Self.blob(try top.packages.encoded(), MediaType.packages),
            ]
        manifest = OCIManifest(
            artifactType: MediaType.image, config: config.descriptor,
            layers: base + (own + rest).map(\.descriptor),
            annotations: [Annotation.name: recipe.environment.description])
        sources = base.map { ($0, .stored) } + own + [config] + rest
    }

    static func blob(_ bytes: [UInt8], _ mediaType: String) -> (descriptor: OCIDescriptor, source: Source) {
        let descriptor = OCIDescriptor(
            mediaType: mediaType, digest: BlobHash.digest(of: bytes), size: Int64(bytes.count))
        return (descriptor, .bytes(bytes))
    }

    /// The parts of one layer.
    static func describe(_ layer: BuiltLayer) throws -> [(descriptor: OCIDescriptor, source: Source)] {
        let name = [Annotation.layerName: layer.name]
        func file(_ path: String, _ mediaType: String, _ annotations: [String: String]) throws -> (
            OCIDescriptor, Source
        ) {
            let size = try Descriptor.open(path, 0).size()
            let digest = try BlobHash.digest(ofFile: path)
            return (
                OCIDescriptor(mediaType: mediaType, digest: digest, size: size, annotations: annotations), .file(path)
            )
        }
        return [
            try file(layer.filesystem, MediaType.layer, name.merging(layer.verity.annotations) { old, _ in old }),
            try file(layer.tree, MediaType.verityTree, name), try file(layer.listing, MediaType.files, name),
        ]
    }

    var digest: Digest { get throws { BlobHash.digest(of: try manifest.encoded()) } }

    /// Puts every blob into the store.
    func add(to store: ImageStore) throws {
        for (descriptor, source) in sources {
            switch source {
            case .bytes(let bytes): _ = try store.add(bytes, mediaType: descriptor.mediaType)
            case .file(let path): _ = try store.add(movingFile: path, mediaType: descriptor.mediaType)
            case .stored: break
            }
        }
    }
}
