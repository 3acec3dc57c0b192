/// The media types of images, kernels and their parts: the only place where they are spelt.
package enum MediaType {
    package static let imageIndex = "application/vnd.oci.image.index.v1+json"
    package static let imageManifest = "application/vnd.oci.image.manifest.v1+json"
    /// The OCI's own type, though the fields that matter are ours: `skopeo inspect` refuses any other.
    package static let imageConfiguration = "application/vnd.oci.image.config.v1+json"

    /// Artifact types.
    package static let image = "application/vnd.sojourn.image.v1"
    package static let kernel = "application/vnd.sojourn.kernel.v1"

    package static let layer = "application/vnd.sojourn.layer.v1.erofs"
    package static let verityTree = "application/vnd.sojourn.verity.v1"
    package static let recipe = "application/vnd.sojourn.recipe.v1+yaml"
    package static let vmlinuz = "application/vnd.sojourn.kernel.v1.vmlinuz"
    package static let modules = "application/vnd.sojourn.kernel.v1.modules+cpio"
}

/// The keys of annotations on descriptors.
package enum Annotation {
    /// The name that `skopeo` takes after `oci:PATH:` (image-spec, "Pre-Defined Annotation Keys").
    package static let referenceName = "org.opencontainers.image.ref.name"
    package static let created = "org.opencontainers.image.created"
    /// The environment of an image, or the name of a kernel.
    package static let name = "vnd.sojourn.name"
    /// Ties a layer to its verity tree.
    package static let layerName = "vnd.sojourn.layer.name"
    /// 64 hexadecimal digits, as `veritysetup verify` takes them.
    package static let verityRoot = "vnd.sojourn.verity.root"
    /// Hexadecimal; `-` for none, as `veritysetup` writes it.
    package static let veritySalt = "vnd.sojourn.verity.salt"
    /// Bytes that the tree covers, in decimal.
    package static let verityDataSize = "vnd.sojourn.verity.data-size"
}
