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

    package var name: String { configuration.name }
    package var size: Int64 { manifest.layers.reduce(manifest.config.size) { $0 + $1.size } }
}
