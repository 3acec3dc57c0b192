import GridModel
import ImageFormat
import Linux
import StrictJSON

/// An OCI image layout outside the home (image-spec 1.1, "Image Layout"), which others wrote or will read.
struct ImageLayout {
    let directory: String

    var target: TargetDirectory { TargetDirectory(path: directory) }
    var blobs: String { "\(directory)/blobs/sha256" }
    private var indexPath: String { "\(directory)/index.json" }
    private var markPath: String { "\(directory)/oci-layout" }

    /// Of manifests, indexes and configurations.
    static let documentLimit: Int64 = 4 << 20

    func path(of digest: Digest) -> String { "\(blobs)/\(digest.hex)" }

    /// Opens a layout that must be there.
    init(reading directory: String) throws {
        self.directory = directory
        guard Files.exists(markPath) else {
            throw ImageStoreError(
                .unsuitableLayout,
                "\(directory) is no OCI image layout: there is no file \(markPath); "
                    + "give a directory that 'image export --to' or skopeo wrote")
        }
        try checkVersion()
    }

    /// Opens a layout, or makes one of an empty or missing directory.
    init(making directory: String) throws {
        self.directory = directory
        try Files.makeDirectories(directory)
        if Files.exists(markPath) {
            try checkVersion()
        } else {
            guard try Files.list(directory).allSatisfy({ $0.hasSuffix(".tmp") }) else {
                throw ImageStoreError(
                    .unsuitableLayout,
                    "\(directory) holds files, but is no OCI image layout; give an empty directory, or a layout to add to"
                )
            }
            try Files.write(try StrictJSON.encode(OCILayout()), to: markPath)
        }
        try Files.makeDirectories(blobs)
        if !Files.exists(indexPath) { try write([]) }
    }

    private func checkVersion() throws {
        let found = try StrictJSON.decode(
            OCILayout.self, from: try Files.read(markPath, limit: 1 << 16), source: markPath)
        guard found.imageLayoutVersion == OCILayout().imageLayoutVersion else {
            throw ImageStoreError(
                .unsuitableLayout,
                "\(markPath): the layout has version \(found.imageLayoutVersion), this program knows "
                    + "\(OCILayout().imageLayoutVersion); upgrade sojourn")
        }
    }

    /// What the layout lists.
    func index() throws -> [OCIDescriptor] {
        try StrictJSON.decode(
            OCIIndex.self, from: try Files.read(indexPath, limit: Int(Self.documentLimit)), source: indexPath
        ).manifests
    }

    /// A manifest, index or configuration, of the content that its descriptor says.
    func document(_ descriptor: OCIDescriptor) throws -> [UInt8] {
        try BlobCopy.read(descriptor.content, at: path(of: descriptor.digest), limit: Self.documentLimit)
    }
}

/// Adding to a layout.
extension ImageLayout {
    /// The index as it stands, with all that others wrote into it.
    private func entries() throws -> [JSONValue] {
        let bytes = try Files.read(indexPath, limit: Int(Self.documentLimit))
        let index = try StrictJSON.decode(JSONValue.self, from: bytes, source: indexPath)
        guard let manifests = index["manifests"]?.array else {
            throw ImageStoreError(.unsuitableLayout, "\(indexPath) is no index: it lists no 'manifests'")
        }
        return manifests
    }

    private func write(_ entries: [JSONValue]) throws {
        let index: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(MediaType.imageIndex), "manifests": .array(entries),
        ]
        try Files.write(try StrictJSON.encode(index, pretty: true), to: indexPath)
    }

    /// Lists manifests. Each takes the name that it is given from whatever had it.
    func list(_ added: [OCIDescriptor], insteadOf old: OCIDescriptor? = nil) throws {
        var entries = try self.entries()
        if let old {
            entries.removeAll {
                $0["digest"]?.string == old.digest.description
                    && $0.referenceName == old.annotations?[Annotation.referenceName]
            }
        }
        for descriptor in added {
            let name = descriptor.annotations?[Annotation.referenceName]
            // Under another name it may stay listed too.
            entries.removeAll {
                $0["digest"]?.string == descriptor.digest.description
                    && ($0.referenceName == nil || $0.referenceName == name)
            }
            entries = entries.map { name != nil && $0.referenceName == name ? $0.withoutReferenceName : $0 }
            let encoded = try StrictJSON.encode(descriptor)
            entries.append(try StrictJSON.decode(JSONValue.self, from: encoded, source: "descriptor"))
        }
        try write(entries)
    }

    /// Lists what is said about a manifest under its fallback tag, in addition to what stands there.
    func list(referrers: [OCIDescriptor], of subject: Digest) throws {
        guard !referrers.isEmpty else { return }
        let old = try index().first { $0.isReferrers(of: subject) }
        let known = try old.map { try self.referrers($0) } ?? []
        let bytes = try StrictJSON.encode(OCIIndex(manifests: known.adding(referrers)))
        let tag = OCIDescriptor(
            referrers: bytes, digest: BlobHash.digest(of: bytes), of: subject)
        guard tag.digest != old?.digest else { return }
        try Files.write(bytes, to: path(of: tag.digest))
        try list([tag], insteadOf: old)
        if let old { try Files.remove(path(of: old.digest)) }
    }

    /// What a fallback tag lists.
    func referrers(_ tag: OCIDescriptor) throws -> [OCIDescriptor] {
        let path = path(of: tag.digest)
        let found = try StrictJSON.decode(OCIIndex.self, from: try document(tag), source: path).manifests
        guard found.count <= 1000 else {
            throw ImageStoreError(.unsuitableLayout, "\(path) lists \(found.count) referrers; at most 1000 are taken")
        }
        return found
    }

    /// Removes what killed copies left. Under the lock nobody of ours is writing.
    func sweep() throws {
        for name in try Files.list(blobs) where name.hasSuffix(".tmp") && name.utf8.count >= 68 {
            try Files.remove("\(blobs)/\(name)")
        }
    }
}

extension JSONValue {
    fileprivate var referenceName: String? { self["annotations"]?[Annotation.referenceName]?.string }

    fileprivate var withoutReferenceName: JSONValue {
        guard case .object(var members) = self, case .object(var annotations)? = members["annotations"] else {
            return self
        }
        annotations[Annotation.referenceName] = nil
        members["annotations"] = .object(annotations)
        return .object(members)
    }
}
