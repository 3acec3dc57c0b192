import GridModel
import ImageFormat
import StrictJSON

/// An image or kernel in a layout, as its manifest and configuration tell it. Its blobs are not looked at yet.
struct LayoutArtifact {
    /// Plain, but for the artifact type.
    let entry: OCIDescriptor
    let manifest: OCIManifest
    /// The environment of an image, or the name of a kernel: from the configuration, whatever the index says.
    let name: String
    /// That an image names.
    let kernel: Digest?
    /// Under which the index lists it.
    let tag: String?

    var digest: Digest { entry.digest }
    var isKernel: Bool { entry.artifactType == MediaType.kernel }
    var blobs: [OCIDescriptor] { [entry, manifest.config] + manifest.layers }
    /// All but the filesystems, which may come later.
    var documents: [OCIDescriptor] { blobs.filter { $0.mediaType != MediaType.layer } }
}

/// What a layout has for us: images and kernels of Sojourn's, and what is said about them.
struct LayoutContents {
    let layout: ImageLayout
    private(set) var artifacts: [LayoutArtifact] = []
    /// What is no image of ours, by name or digest.
    private(set) var foreign: [(tag: String?, digest: Digest)] = []
    private var referrerTags: [OCIDescriptor] = []

    /// Of a filesystem: more than any host has.
    static let blobLimit: Int64 = 1 << 44

    init(_ layout: ImageLayout) throws {
        self.layout = layout
        var seen: Set<Digest> = []
        for entry in try layout.index() {
            let tag = entry.annotations?[Annotation.referenceName]
            if entry.mediaType == MediaType.imageIndex, tag?.hasPrefix("sha256-") == true {
                referrerTags.append(entry)
            } else if !seen.insert(entry.digest).inserted {
                // One manifest under many names is read once.
                continue
            } else if let artifact = try artifact(entry, tag: tag) {
                artifacts.append(artifact)
            } else {
                foreign.append((tag, entry.digest))
            }
        }
    }

    private struct Kind: Decodable { var artifactType: String? }

    /// Nil for an image that is not ours. The index need not tell the artifact type: skopeo leaves it out.
    private func artifact(_ entry: OCIDescriptor, tag: String?) throws -> LayoutArtifact? {
        guard entry.mediaType == MediaType.imageManifest else { return nil }
        let path = layout.path(of: entry.digest)
        let bytes = try layout.document(entry)
        let kind = try StrictJSON.decode(Kind.self, from: bytes, source: path).artifactType
        guard let kind, [MediaType.image, MediaType.kernel].contains(kind) else { return nil }
        let manifest = try OCIManifest(decoding: bytes, source: path)
        try Self.refuseImpossibleSizes(manifest, path)
        var plain = entry.plain
        plain.artifactType = kind
        let config = try layout.document(manifest.config)
        let source = layout.path(of: manifest.config.digest)
        if kind == MediaType.kernel {
            let name = try KernelConfiguration(decoding: config, source: source).name
            return LayoutArtifact(entry: plain, manifest: manifest, name: name, kernel: nil, tag: tag)
        }
        let configuration = try ImageConfiguration(decoding: config, source: source)
        return LayoutArtifact(
            entry: plain, manifest: manifest, name: configuration.environment.description,
            kernel: configuration.kernel, tag: tag)
    }

    private static func refuseImpossibleSizes(_ manifest: OCIManifest, _ path: String) throws {
        for blob in [manifest.config] + manifest.layers where !(0...blobLimit).contains(blob.size) {
            throw ImageStoreError(
                .unsuitableLayout, "\(path): the blob \(blob.digest) is said to have \(blob.size) bytes")
        }
    }

    /// What a person means: all, or those of a name, a digest, or at least 8 digits of one.
    func selection(_ reference: String?) throws -> [LayoutArtifact] {
        let wanted = reference.map { reference in { Self.matches(reference, $0, $1) } } ?? { _, _ in true }
        let found = artifacts.filter { wanted([$0.name, $0.tag], $0.digest) }
        if !found.isEmpty { return found }
        if let other = foreign.first(where: { wanted([$0.tag], $0.digest) }) {
            throw ImageStoreError(
                .unsuitableLayout,
                "\(other.tag ?? other.digest.description) of \(layout.directory) is no image of sojourn's; to make one of "
                    + "it, write a recipe with the line  from: oci:\(layout.directory)\(other.tag.map { ":\($0)" } ?? "")"
            )
        }
        guard let reference else {
            throw ImageStoreError(.unsuitableLayout, "the layout \(layout.directory) lists no images")
        }
        throw ImageStoreError(
            .unknownReference,
            "there is no image '\(reference)' in \(layout.directory): "
                + NearestNames.hint(for: reference, among: artifacts.map(\.name)))
    }

    private static func matches(_ reference: String, _ names: [String?], _ digest: Digest) -> Bool {
        let name = reference.hasPrefix("@") ? "os/\(reference.dropFirst())" : reference
        let digits = reference.hasPrefix("sha256:") ? String(reference.dropFirst(7)) : reference
        return names.contains(name) || names.contains("os/\(name)")
            || (digits.utf8.count >= 8 && digest.hex.hasPrefix(digits))
    }

    /// What is said about an image or kernel, with its blobs. `skipped` hears of what does not have our form: one blob, and
    /// no configuration.
    func referrers(of subject: Digest, skipped: (OCIDescriptor) -> Void) throws -> [(OCIDescriptor, [OCIDescriptor])] {
        guard let tag = referrerTags.first(where: { $0.isReferrers(of: subject) }) else { return [] }
        return try layout.referrers(tag).compactMap { listed in
            guard listed.mediaType == MediaType.imageManifest else {
                skipped(listed)
                return nil
            }
            let path = layout.path(of: listed.digest)
            let manifest = try OCIManifest(decoding: try layout.document(listed), source: path)
            guard manifest.subject?.digest == subject else {
                throw ImageStoreError(
                    .unsuitableLayout,
                    "\(path) is listed as what is said about \(subject), but speaks about "
                        + "\(manifest.subject?.digest.description ?? "nothing")")
            }
            try Self.refuseImpossibleSizes(manifest, path)
            guard manifest.config.mediaType == MediaType.empty, manifest.layers.count == 1,
                manifest.layers[0].size <= 1 << 30
            else {
                skipped(listed)
                return nil
            }
            // As `attach` describes it, whatever the list says.
            var descriptor = listed.plain
            descriptor.artifactType = manifest.artifactType
            descriptor.annotations = manifest.annotations
            return (descriptor, [descriptor, manifest.config] + manifest.layers)
        }
    }
}
