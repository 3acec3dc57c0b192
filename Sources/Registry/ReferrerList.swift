import GridModel
import ImageFormat
import StrictJSON

/// What a registry lists under an image's fallback tag.
enum ReferrerList {
    private static let most = 500

    /// None where there is no such tag.
    static func read(_ documents: RegistryDocuments, of subject: Digest) throws -> [OCIDescriptor] {
        let tag = "sha256-\(subject.hex)"
        guard let found = try documents.manifest(.tag(tag)) else { return [] }
        let list = try StrictJSON.decode(OCIIndex.self, from: found.bytes, source: tag).manifests
        guard list.count <= most else {
            throw RegistryError(
                .wrongContent, "the list \(tag) has \(list.count) entries; at most \(most) are taken")
        }
        return list
    }

    /// One referrer: its manifest, and the one blob that it carries; nil for one of another form, or about something else.
    static func fetch(
        _ listed: OCIDescriptor, about subject: Digest, _ documents: RegistryDocuments, limit: Int64
    ) throws -> (descriptor: OCIDescriptor, manifest: [UInt8], blob: OCIDescriptor)? {
        guard listed.mediaType == MediaType.imageManifest,
            let found = try documents.manifest(.digest(listed.digest))
        else { return nil }
        let manifest = try OCIManifest(decoding: found.bytes, source: "the referrer \(listed.digest)")
        guard manifest.subject?.digest == subject, manifest.config.mediaType == MediaType.empty,
            manifest.layers.count == 1, manifest.layers[0].size <= limit
        else { return nil }
        let descriptor = OCIDescriptor(
            mediaType: MediaType.imageManifest, digest: found.digest, size: Int64(found.bytes.count),
            annotations: manifest.annotations, artifactType: manifest.artifactType)
        return (descriptor, found.bytes, manifest.layers[0])
    }
}

/// Signed statements that were pushed beside images.
package enum RegistryStatements {
    private static let limit: Int64 = 2 << 20
    private static let most = 200

    /// Of a predicate's type: all about what a reference names, or of the whole repository where it names no version. Nobody
    /// has verified them.
    package static func all(
        _ predicate: String, _ reference: RegistryReference, _ access: RegistryAccess
    ) throws -> [(source: String, bytes: [UInt8])] {
        let documents = RegistryDocuments(reference, access)
        var found: [(source: String, bytes: [UInt8])] = []
        for subject in try subjects(reference, documents) {
            let listed = try ReferrerList.read(documents, of: subject).filter {
                $0.annotations?[Annotation.predicateType] == predicate
            }
            for referrer in listed {
                guard found.count < most else {
                    throw RegistryError(
                        .wrongContent,
                        "\(reference) has more than \(most) such statements; name one image by :TAG or @DIGEST")
                }
                guard let said = try ReferrerList.fetch(referrer, about: subject, documents, limit: limit) else {
                    continue
                }
                let bytes = try documents.blob(said.blob, limit: limit)
                found.append(("\(reference.with(.digest(referrer.digest)))", bytes))
            }
        }
        return found
    }

    private static func subjects(_ reference: RegistryReference, _ documents: RegistryDocuments) throws -> [Digest] {
        switch reference.version {
        case .digest(let digest): return [digest]
        case .tag:
            guard let version = reference.version, let found = try documents.manifest(version) else {
                throw RegistryError(.notFound, "there is no \(reference): look at the name and the tag")
            }
            return [found.digest]
        case nil:
            return try documents.tags().filter { $0.hasPrefix("sha256-") }.compactMap { tag in
                do { return try Digest(parsing: "sha256:\(tag.dropFirst(7))") } catch { return nil }
            }
        }
    }
}
