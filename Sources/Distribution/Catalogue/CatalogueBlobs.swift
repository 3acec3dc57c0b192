package import GridModel
package import ImageFormat
import ImageStore
import Linux
import StrictJSON

/// The blobs that a catalogue serves.
package struct CatalogueBlobs: Sendable {
    private let directory: String

    package init(_ catalogue: Catalogue) { directory = "\(catalogue.directory)/blobs/sha256" }

    private func path(_ digest: Digest) -> String { "\(directory)/\(digest.hex)" }

    /// A document of that digest; nil where the catalogue has none.
    package func document(_ digest: Digest) throws -> [UInt8]? {
        let path = path(digest)
        guard Files.exists(path) else { return nil }
        let bytes = try Files.read(path, limit: 64 << 20)
        guard BlobHash.digest(of: bytes) == digest else {
            throw DistributionError(.refused, "\(path) is damaged: its content is not what its name says; remove it")
        }
        return bytes
    }

    package func manifest(_ digest: Digest) throws -> OCIManifest? {
        try document(digest).map { try OCIManifest(decoding: $0, source: path(digest)) }
    }

    /// True where every blob of an image is there, and of its kernel. That their content is right, whoever put them there
    /// has checked.
    func areComplete(_ digest: Digest) throws -> Bool {
        guard let manifest = try manifest(digest), let configuration = try document(manifest.config.digest) else {
            return false
        }
        for blob in manifest.layers {
            guard Files.exists(path(blob.digest)), try Files.size(path(blob.digest)) == blob.size else { return false }
        }
        guard manifest.artifactType == MediaType.image else { return true }
        let source = path(manifest.config.digest)
        return try areComplete(try ImageConfiguration(decoding: configuration, source: source).kernel)
    }

    /// What the configuration of an image or a kernel says that it is.
    func name(of manifest: OCIManifest) throws -> ArtifactName? {
        guard let bytes = try document(manifest.config.digest) else { return nil }
        let source = path(manifest.config.digest)
        if manifest.artifactType == MediaType.kernel {
            return .kernel(try KernelConfiguration(decoding: bytes, source: source).name)
        }
        return .image(try ImageConfiguration(decoding: bytes, source: source).environment)
    }
}
