package import GridModel

/// Names a blob: type, digest, size (image-spec 1.1, "Content Descriptors").
package struct OCIDescriptor: Codable, Hashable, Sendable {
    package var mediaType: String
    package var digest: Digest
    package var size: Int64
    package var annotations: [String: String]?
    package var artifactType: String?

    package init(
        mediaType: String, digest: Digest, size: Int64, annotations: [String: String]? = nil,
        artifactType: String? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.annotations = annotations
        self.artifactType = artifactType
    }
}

/// The `index.json` of an image layout (image-spec 1.1, "Image Index").
package struct OCIIndex: Codable, Equatable, Sendable {
    package var schemaVersion = 2
    package var mediaType: String? = MediaType.imageIndex
    package var manifests: [OCIDescriptor]

    package init(manifests: [OCIDescriptor] = []) { self.manifests = manifests }
}

/// The `oci-layout` file of an image layout.
package struct OCILayout: Codable, Equatable, Sendable {
    package var imageLayoutVersion = "1.0.0"

    package init() {}
}
