package import GridModel
import ImageFormat

/// Names an artifact (in-toto attestation 1.1, resource_descriptor.md). Of the digests only sha256 is kept.
package struct ResourceDescriptor: Hashable, Sendable {
    package var name: String?
    package var uri: String?
    package var digest: Digest?
    package var mediaType: String?

    package init(name: String? = nil, uri: String? = nil, digest: Digest? = nil, mediaType: String? = nil) {
        self.name = name
        self.uri = uri
        self.digest = digest
        self.mediaType = mediaType
    }

    /// An image or a kernel: its manifest.
    package init(_ artifact: ImageFacts.Artifact) {
        self.init(name: artifact.name, digest: artifact.digest, mediaType: MediaType.imageManifest)
    }
}

extension ResourceDescriptor: Codable {
    private enum CodingKeys: String, CodingKey { case name, uri, digest, mediaType }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        uri = try container.decodeIfPresent(String.self, forKey: .uri)
        mediaType = try container.decodeIfPresent(String.self, forKey: .mediaType)
        let digests = try container.decodeIfPresent([String: String].self, forKey: .digest)
        digest = try digests?["sha256"].map { try Digest(parsing: "sha256:\($0)") }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(name, forKey: .name)
        try container.encodeIfPresent(uri, forKey: .uri)
        try container.encodeIfPresent(mediaType, forKey: .mediaType)
        try container.encodeIfPresent(digest.map { ["sha256": $0.hex] }, forKey: .digest)
    }
}
