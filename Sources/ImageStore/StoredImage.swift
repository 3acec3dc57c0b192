package import GridModel
package import ImageFormat

/// What the index of a home says of an image or kernel, beside its name.
package struct Standing: Equatable, Sendable {
    /// True for the one that its name means.
    package let isNewest: Bool
    /// True where its name meant it once.
    package let wasNewest: Bool
    /// False for what was imported or fetched.
    package let isBuiltHere: Bool
    /// When it was entered.
    package let registered: Timestamp?

    init(_ entry: OCIDescriptor) throws {
        isNewest = entry.annotations?[Annotation.referenceName] != nil
        wasNewest = entry.annotations?[Annotation.wasNewest] != nil
        isBuiltHere = entry.annotations?[Annotation.builtHere] != nil
        registered = try entry.annotations?[Annotation.created].map(Timestamp.init(parsing:))
    }
}

/// An image of a home, its manifest and configuration verified and read.
package struct StoredImage: Sendable {
    /// The manifest's: names the image.
    package let digest: Digest
    package let manifest: OCIManifest
    package let configuration: ImageConfiguration
    /// From the lowest filesystem up.
    package let layers: [ImageLayer]
    /// What this home's index says of it.
    package let standing: Standing

    package var isNewest: Bool { standing.isNewest }
    package var isBuiltHere: Bool { standing.isBuiltHere }
    package var environment: Environment { configuration.environment }
    /// Bytes of all blobs.
    package var size: Int64 { manifest.layers.reduce(manifest.config.size) { $0 + $1.size } }
}

/// A kernel of a home.
package struct StoredKernel: Sendable {
    package let digest: Digest
    package let manifest: OCIManifest
    package let configuration: KernelConfiguration
    package let vmlinuz: OCIDescriptor
    /// An uncompressed cpio archive (newc) of `lib/modules/`.
    package let modules: OCIDescriptor
    /// What this home's index says of it.
    package let standing: Standing

    package var isNewest: Bool { standing.isNewest }
    package var isBuiltHere: Bool { standing.isBuiltHere }
    package var name: String { configuration.name }
    package var size: Int64 { manifest.layers.reduce(manifest.config.size) { $0 + $1.size } }
}

/// An image or a kernel of a home: what a person may name.
package enum StoredArtifact: Sendable {
    case image(StoredImage)
    case kernel(StoredKernel)

    package var digest: Digest {
        switch self {
        case .image(let image): image.digest
        case .kernel(let kernel): kernel.digest
        }
    }

    package var manifest: OCIManifest {
        switch self {
        case .image(let image): image.manifest
        case .kernel(let kernel): kernel.manifest
        }
    }

    /// The environment of an image, or the name of a kernel.
    package var name: String {
        switch self {
        case .image(let image): image.environment.description
        case .kernel(let kernel): kernel.name
        }
    }

    /// When the newest of its inputs was published.
    package var created: Timestamp {
        switch self {
        case .image(let image): image.configuration.created
        case .kernel(let kernel): kernel.configuration.created
        }
    }

    package var standing: Standing {
        switch self {
        case .image(let image): image.standing
        case .kernel(let kernel): kernel.standing
        }
    }

    package var isBuiltHere: Bool { standing.isBuiltHere }

    package var size: Int64 {
        switch self {
        case .image(let image): image.size
        case .kernel(let kernel): kernel.size
        }
    }
}
