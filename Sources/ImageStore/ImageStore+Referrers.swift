package import GridModel
package import ImageFormat
import Linux
import StrictJSON

extension ImageStore {
    /// Attaches what is said about an image or kernel: a manifest whose subject that is (image-spec 1.1, "Manifests with
    /// subject"). It is found under the fallback tag `sha256-HEX`, which every registry can keep (distribution-spec 1.1,
    /// "Referrers Tag Schema").
    @discardableResult
    package func attach(
        _ bytes: [UInt8], mediaType: String, artifactType: String, to subject: Digest,
        annotations: [String: String] = [:]
    ) throws -> Digest {
        try attach(
            try add(bytes, mediaType: mediaType), artifactType: artifactType, to: subject, annotations: annotations)
    }

    /// As above, of a file of this home's filesystem, which is moved.
    @discardableResult
    package func attach(
        movingFile file: String, mediaType: String, artifactType: String, to subject: Digest
    ) throws -> Digest {
        try attach(
            try add(movingFile: file, mediaType: mediaType), artifactType: artifactType, to: subject, annotations: [:])
    }

    private func attach(
        _ content: OCIDescriptor, artifactType: String, to subject: Digest, annotations: [String: String]
    ) throws -> Digest {
        let empty = try add(Array("{}".utf8), mediaType: MediaType.empty)
        var manifest = OCIManifest(
            artifactType: artifactType, config: empty, layers: [content],
            annotations: annotations.isEmpty ? nil : annotations)
        manifest.subject = try entry(subject.description, type: nil).plain
        var referrer = try add(try manifest.encoded(), mediaType: MediaType.imageManifest)
        referrer.artifactType = artifactType
        referrer.annotations = manifest.annotations
        try withLock {
            var index = try readIndex()
            let superseded = try add([referrer], about: subject, to: &index)
            try write(index)
            try superseded.map { try Files.remove(path(of: $0)) }
        }
        return referrer.digest
    }

    /// Puts referrers, whose blobs are there, into the list under the fallback tag. The caller holds the lock, writes the
    /// index and then removes the list that this supersedes.
    func add(_ referrers: [OCIDescriptor], about subject: Digest, to index: inout OCIIndex) throws -> Digest? {
        let position = index.manifests.firstIndex { $0.isReferrers(of: subject) }
        let known = try position.map { try readReferrers(index.manifests[$0]).manifests } ?? []
        let all = known.adding(referrers)
        guard all != known else { return nil }
        let bytes = try StrictJSON.encode(OCIIndex(manifests: all), pretty: false)
        let tag = OCIDescriptor(referrers: bytes, digest: BlobHash.digest(of: bytes), of: subject)
        try Files.write(bytes, to: path(of: tag.digest), mode: 0o444)
        let old = position.map { index.manifests.remove(at: $0) }
        index.manifests.append(tag)
        return old?.digest
    }

    /// What is said about an image or kernel, the oldest first.
    package func referrers(of subject: Digest) throws -> [OCIDescriptor] {
        guard let tag = try readIndex().manifests.first(where: { $0.isReferrers(of: subject) }) else { return [] }
        return try readReferrers(tag).manifests
    }

    /// The one blob of a referrer, verified.
    package func content(of referrer: OCIDescriptor) throws -> [UInt8] {
        let found = try manifest(referrer)
        guard found.layers.count == 1 else {
            throw ImageStoreError(
                .corruptedBlob, "the referrer \(referrer.digest) has \(found.layers.count) blobs where one is needed")
        }
        return try readVerified(found.layers[0], of: "referrer \(referrer.digest)")
    }

    /// The newest bill of materials of an image, as SPDX's JSON.
    package func billOfMaterials(of subject: Digest) throws -> [UInt8] {
        guard let referrer = try referrers(of: subject).last(where: { $0.artifactType == MediaType.spdx }) else {
            throw ImageStoreError(
                .unknownReference,
                "\(subject) has no bill of materials: kernels have none, an image gets one from 'sojourn image build'")
        }
        return try content(of: referrer)
    }

    /// Bytes of what a referrer carries.
    package func contentSize(of referrer: OCIDescriptor) throws -> Int64 {
        try manifest(referrer).layers.reduce(0) { $0 + $1.size }
    }

    func readReferrers(_ tag: OCIDescriptor) throws -> OCIIndex {
        try StrictJSON.decode(
            OCIIndex.self, from: try readVerified(tag, of: "referrers"), source: path(of: tag.digest))
    }
}

extension [OCIDescriptor] {
    /// With those of `others` that are not there yet.
    func adding(_ others: [OCIDescriptor]) -> [OCIDescriptor] {
        self + others.filter { other in !contains { $0.digest == other.digest } }
    }
}

extension OCIDescriptor {
    /// Of the list of what is said about `subject`.
    init(referrers bytes: [UInt8], digest: Digest, of subject: Digest) {
        self.init(
            mediaType: MediaType.imageIndex, digest: digest, size: Int64(bytes.count),
            annotations: [Annotation.referenceName: "sha256-\(subject.hex)"])
    }

    /// True for the fallback tag of what is said about `subject`.
    func isReferrers(of subject: Digest) -> Bool {
        mediaType == MediaType.imageIndex && annotations?[Annotation.referenceName] == "sha256-\(subject.hex)"
    }

    /// Without what an index says of it.
    var plain: OCIDescriptor { OCIDescriptor(mediaType: mediaType, digest: digest, size: size) }
}
