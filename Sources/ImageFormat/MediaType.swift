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
    package static let lock = "application/vnd.sojourn.lock.v1+json"
    package static let packages = "application/vnd.sojourn.packages.v1+json"
    /// The files of one layer, as mtree(5) lists them.
    package static let files = "application/vnd.sojourn.files.v1+mtree"
    package static let vmlinuz = "application/vnd.sojourn.kernel.v1.vmlinuz"
    package static let modules = "application/vnd.sojourn.kernel.v1.modules+cpio"

    /// From one filesystem to another: see `BlockDelta`.
    package static let delta = "application/vnd.sojourn.delta.v1+zstd"

    /// Of referrers: what is said about an image and is no part of it.
    package static let bootTrace = "application/vnd.sojourn.boot-trace.v1+json"
    package static let spdx = "application/spdx+json"
    package static let envelope = "application/vnd.dsse.envelope.v1+json"
    /// The configuration of an artifact that has none (image-spec 1.1, "Guidance for an Empty Descriptor").
    package static let empty = "application/vnd.oci.empty.v1+json"
}

/// The keys of annotations on descriptors.
package enum Annotation {
    /// The name that `skopeo` takes after `oci:PATH:` (image-spec, "Pre-Defined Annotation Keys").
    package static let referenceName = "org.opencontainers.image.ref.name"
    package static let created = "org.opencontainers.image.created"
    /// The environment of an image, or the name of a kernel.
    package static let name = "vnd.sojourn.name"
    /// "true" of what its name meant once: it may mean it again.
    package static let wasNewest = "vnd.sojourn.was-newest"
    /// "true" of what this home built itself. Only its own index says so: no import brings it.
    package static let builtHere = "vnd.sojourn.built-here"
    /// The predicate's type of an in-toto statement in an envelope.
    package static let predicateType = "in-toto.io/predicate-type"
    /// Ties a layer to its verity tree.
    package static let layerName = "vnd.sojourn.layer.name"
    /// 64 hexadecimal digits, as `veritysetup verify` takes them.
    package static let verityRoot = "vnd.sojourn.verity.root"
    /// Hexadecimal; `-` for none, as `veritysetup` writes it.
    package static let veritySalt = "vnd.sojourn.verity.salt"
    /// Bytes that the tree covers, in decimal.
    package static let verityDataSize = "vnd.sojourn.verity.data-size"
}
