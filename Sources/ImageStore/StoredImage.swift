package import GridModel
package import ImageFormat

/// An image of a home, its manifest and configuration verified and read.
package struct StoredImage: Sendable {
    /// The manifest's: names the image.
    package let digest: Digest
    package let manifest: OCIManifest
    package let configuration: ImageConfiguration
    /// From the lowest filesystem up.
    package let layers: [ImageLayer]
    /// True for the one that its environment means.
    package let isNewest: Bool
    /// False for what was imported.
    package let isBuiltHere: Bool

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
    package let isNewest: Bool
    /// False for what was imported.
    package let isBuiltHere: Bool

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

    package var isBuiltHere: Bool {
        switch self {
        case .image(let image): image.isBuiltHere
        case .kernel(let kernel): kernel.isBuiltHere
        }
    }

    package var size: Int64 {
        switch self {
        case .image(let image): image.size
        case .kernel(let kernel): kernel.size
        }
    }
}
