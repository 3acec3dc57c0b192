import Glibc
package import GridModel
package import ImageFormat
import Linux
import StrictJSON

/// An image with its kernel as an OCI image layout of links to the home's own blobs: for a program that only reads. Each
/// manifest is listed under the digits of its digest.
package struct LinkedLayout: Sendable {
    /// An image or a kernel.
    package struct Part: Sendable {
        package let name: String
        package let digest: Digest
        package let isKernel: Bool
        /// False for the kernel of an image that was meant.
        package let isMeant: Bool
        /// Of all its blobs.
        package let bytes: Int64
        /// What is said about it.
        package let referrers: [OCIDescriptor]
    }

    /// The one that was meant is the last.
    package let parts: [Part]
}

extension ImageStore {
    /// Lays out an image, its kernel, and what is said about both, in a new directory.
    package func layOut(_ artifact: StoredArtifact, in directory: String) throws -> LinkedLayout {
        var artifacts = [artifact]
        if case .image(let image) = artifact { artifacts.insert(.kernel(try kernel(of: image)), at: 0) }
        try Files.makeDirectories("\(directory)/blobs/sha256")
        var entries: [OCIDescriptor] = []
        func enter(_ manifest: OCIDescriptor, _ blobs: [OCIDescriptor]) throws {
            for blob in [manifest] + blobs { try linkBlob(blob.digest, into: directory) }
            var entry = manifest.plain
            entry.annotations = [Annotation.referenceName: manifest.digest.hex]
            entries.append(entry)
        }
        let parts = try artifacts.map { found in
            let all = try blobs(of: found)
            try enter(all[0], Array(all.dropFirst()))
            let said = try referrers(of: found.digest)
            for referrer in said {
                let manifest = try self.manifest(referrer)
                try enter(referrer, [manifest.config] + manifest.layers)
            }
            let isKernel = if case .kernel = found { true } else { false }
            return LinkedLayout.Part(
                name: found.name, digest: found.digest, isKernel: isKernel, isMeant: found.digest == artifact.digest,
                bytes: found.size, referrers: said)
        }
        try Files.write(try StrictJSON.encode(OCIIndex(manifests: entries)), to: "\(directory)/index.json")
        try Files.write(try StrictJSON.encode(OCILayout()), to: "\(directory)/oci-layout")
        return LinkedLayout(parts: parts)
    }

    private func linkBlob(_ digest: Digest, into directory: String) throws {
        guard Files.exists(path(of: digest)) else {
            throw ImageStoreError(
                .missingBlob,
                "the blob \(digest) is not here, or not all of it: bring the whole image with: sojourn image pull")
        }
        let target = "\(directory)/blobs/sha256/\(digest.hex)"
        if Glibc.link(path(of: digest), target) == 0 || errno == EEXIST { return }
        // Another filesystem, or one without hard links: whoever reads follows this one as well.
        try retrying("make the link \(target)") { symlink(path(of: digest), target) }
    }

    /// Lists what is said about an image, whose blobs are there, in a layout that somebody else wrote.
    package static func list(
        _ referrers: [OCIDescriptor], about subject: Digest, inLayout directory: String
    ) throws {
        try ImageLayout(reading: directory).list(referrers: referrers, of: subject)
    }
}

extension ImageStore {
    /// What is said about an image in a layout outside a home, such as a catalogue's: each with the blob that it carries,
    /// of the content that it names. Who said it, nobody has verified.
    package static func said(
        about subject: Digest, inLayout directory: String, ofType predicate: String, limit: Int64
    ) throws -> [[UInt8]] {
        let layout = try ImageLayout(reading: directory)
        guard let tag = try layout.index().first(where: { $0.isReferrers(of: subject) }) else { return [] }
        return try layout.referrers(tag).filter { $0.annotations?[Annotation.predicateType] == predicate }.compactMap {
            let path = layout.path(of: $0.digest)
            let manifest = try OCIManifest(decoding: try layout.document($0), source: path)
            guard manifest.layers.count == 1, let blob = manifest.layers.first, blob.size <= limit else { return nil }
            return try BlobCopy.read(blob.content, at: layout.path(of: blob.digest), limit: limit)
        }
    }
}
