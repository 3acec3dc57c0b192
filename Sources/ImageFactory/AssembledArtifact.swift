import Glibc
package import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON

/// An image or a kernel put together, not yet in a store: its manifest, and where each blob of it is.
package struct AssembledArtifact: Sendable {
    enum Source: Sendable {
        case bytes([UInt8])
        /// To be moved away.
        case file(String)
        /// In the store already.
        case stored
    }

    typealias Part = (descriptor: OCIDescriptor, source: Source)

    let manifest: OCIManifest
    let parts: [Part]

    init(_ manifest: OCIManifest, _ parts: [Part]) {
        self.manifest = manifest
        self.parts = parts
    }

    package var digest: Digest { get throws { BlobHash.digest(of: try manifest.encoded()) } }

    static func blob(_ bytes: [UInt8], _ mediaType: String) -> Part {
        let descriptor = OCIDescriptor(
            mediaType: mediaType, digest: BlobHash.digest(of: bytes), size: Int64(bytes.count))
        return (descriptor, .bytes(bytes))
    }

    static func blob(
        movingFile path: String, _ mediaType: String, _ annotations: [String: String]? = nil
    ) throws -> Part {
        let size = try Descriptor.open(path, O_RDONLY).size()
        let digest = try BlobHash.digest(ofFile: path)
        return (
            OCIDescriptor(mediaType: mediaType, digest: digest, size: size, annotations: annotations), .file(path)
        )
    }

    /// Puts every blob into the store; the manifest is still to be registered.
    func add(to store: ImageStore) throws {
        for (descriptor, source) in parts {
            switch source {
            case .bytes(let bytes): _ = try store.add(bytes, mediaType: descriptor.mediaType)
            case .file(let path): _ = try store.add(movingFile: path, mediaType: descriptor.mediaType)
            case .stored: break
            }
        }
    }

    /// Writes all of it as an OCI image layout into a new directory of the same filesystem: files are moved.
    func write(toLayout directory: String) throws {
        let blobs = "\(directory)/blobs/sha256"
        try Files.makeDirectories(blobs)
        for (descriptor, source) in parts {
            let target = "\(blobs)/\(descriptor.digest.hex)"
            switch source {
            case .bytes(let bytes): try Files.write(bytes, to: target)
            case .file(let path): try Files.rename(path, to: target)
            case .stored: preconditionFailure("a layout holds all of an image")
            }
        }
        let bytes = try manifest.encoded()
        try Files.write(bytes, to: "\(blobs)/\(try digest.hex)")
        let entry = OCIDescriptor(
            mediaType: MediaType.imageManifest, digest: try digest, size: Int64(bytes.count),
            artifactType: manifest.artifactType)
        try Files.write(try StrictJSON.encode(OCIIndex(manifests: [entry])), to: "\(directory)/index.json")
        try Files.write(try StrictJSON.encode(OCILayout()), to: "\(directory)/oci-layout")
    }
}
