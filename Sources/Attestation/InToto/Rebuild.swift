package import GridModel
package import ImageFormat
package import StrictJSON
package import Trust

/// That somebody built an image or a kernel again from its recipes and its lock, and got every bit of it.
///
/// It carries the key of whoever says so: anybody can tell who signed it, and each reader decides whose word counts.
package struct Rebuild: StatementPredicate {
    package static let type = "urn:sojourn:rebuilt:1"
    package static let limits = StrictJSON.Limits(bytes: 1 << 20)

    /// When it was done.
    package let rebuilt: Timestamp
    /// Of the program that built.
    package let version: String
    /// Versions of the host's tools that the bits depend on, by package.
    package let tools: [String: String]
    /// Of the lock that it was built from.
    package let lock: Digest
    /// Always true: nobody states that something failed.
    package let identical: Bool
    /// The signer's, as PEM.
    package let key: String

    package init(_ rebuilt: Timestamp, version: String, tools: [String: String], lock: Digest, by key: PublicKey) {
        self.rebuilt = rebuilt
        self.version = version
        self.tools = tools
        self.lock = lock
        identical = true
        self.key = key.pem
    }

    package func check() throws {
        guard identical else {
            throw AttestationError(.malformedStatement, "it says that the rebuilt bits differ: nothing to be counted")
        }
        guard tools.count <= 64, version.utf8.count <= 100 else {
            throw AttestationError(.malformedStatement, "more than 64 tools, or a version longer than 100 bytes")
        }
    }
}

/// A signed statement that an image was rebuilt, its signature verified with the key that it carries: it says for certain
/// whose word it is, and nothing of what that is worth.
package struct RebuildStatement: Sendable {
    /// The manifest's.
    package let image: Digest
    /// The environment, or the kernel's name, in the signer's words.
    package let name: String
    /// The other subjects: filesystems, or a kernel's parts.
    package let parts: [Digest]
    package let rebuild: Rebuild
    package let signer: PublicKey
    /// The envelope.
    package let bytes: [UInt8]

    /// How large an envelope may be.
    package static let limit = 2 << 20

    /// Signs that an image was rebuilt from `lock` just now.
    package init(
        _ artifact: ImageFacts.Artifact, _ manifest: OCIManifest, tools: [String: String], at time: Timestamp,
        version: String, signedBy key: PrivateKey
    ) throws {
        let lock = try manifest.blob(MediaType.lock).digest
        let rebuild = Rebuild(time, version: version, tools: tools, lock: lock, by: key.publicKey)
        let parts = Self.parts(of: manifest)
        let statement = Statement(about: artifact, with: parts, rebuild)
        try self.init(decoding: try statement.envelope(signedBy: key).encoded(), source: "the statement")
    }

    /// Reads what may come from anybody. `source` names it in messages.
    package init(decoding bytes: [UInt8], source: String) throws {
        guard bytes.count <= Self.limit else {
            throw AttestationError(
                .malformedStatement, "\(source): \(bytes.count) bytes, where at most \(Self.limit) are read")
        }
        let envelope = try Envelope(decoding: bytes, source: source)
        let claimed = try Statement<Rebuild>(decoding: envelope.payload, source: source)
        signer = try PublicKey(pem: Array(claimed.predicate.key.utf8), source: "\(source): the key in it")
        let statement = try Statement<Rebuild>.verified(envelope, by: [signer], source: source).statement
        let manifests = statement.subjects.filter { $0.mediaType == MediaType.imageManifest }
        guard manifests.count == 1, let image = manifests[0].digest, statement.subjects.count <= 64 else {
            throw AttestationError(
                .malformedStatement, "\(source): it is not about one image; have it made anew")
        }
        self.image = image
        name = manifests[0].name ?? ""
        parts = statement.subjects.filter { $0.mediaType != MediaType.imageManifest }.compactMap(\.digest)
        rebuild = statement.predicate
        self.bytes = bytes
    }

    /// What a rebuild must give bit for bit, beside the manifest: filesystems, or a kernel and its modules.
    private static func parts(of manifest: OCIManifest) -> [ResourceDescriptor] {
        manifest.layers.filter { [MediaType.layer, MediaType.vmlinuz, MediaType.modules].contains($0.mediaType) }.map {
            ResourceDescriptor(
                name: $0.annotations?[Annotation.layerName], digest: $0.digest, mediaType: $0.mediaType)
        }
    }

    /// Refuses a statement that is not about this manifest in every part.
    package func check(against manifest: OCIManifest, _ digest: Digest, source: String) throws {
        guard image == digest, try rebuild.lock == manifest.blob(MediaType.lock).digest,
            parts == Self.parts(of: manifest).compactMap(\.digest)
        else {
            throw AttestationError(
                .malformedStatement,
                "\(source): it names another lock or other filesystems than \(digest) has: it is of another image, or "
                    + "was made by hand")
        }
    }
}
