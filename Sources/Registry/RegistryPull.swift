package import GridModel
import ImageFormat
package import ImageStore
import Linux
import StrictJSON

/// Brings an image of a registry into the home, with its kernel and what is said about both. All of it is checked as an
/// import is: a registry is nobody to be believed.
package struct RegistryPull {
    private let store: ImageStore
    private let access: RegistryAccess
    private let show: (String) -> Void

    /// Of one blob that is said about an image, and of all of them.
    private static let referrerLimit: Int64 = 256 << 20
    private static let referrersLimit: Int64 = 1 << 30

    package init(_ store: ImageStore, _ access: RegistryAccess, show: @escaping (String) -> Void) {
        self.store = store
        self.access = access
        self.show = show
    }

    /// Nothing of the home changes before everything is here and checked.
    package func run(_ reference: RegistryReference, at time: Timestamp) throws -> ImportResult {
        let documents = RegistryDocuments(reference, access)
        guard let found = try documents.manifest(reference.version ?? .tag("latest")) else {
            throw RegistryError(
                .notFound,
                "there is no \(reference)\(reference.version == nil ? ":latest" : ""): look at the name and the tag")
        }
        let manifest = try check(found, reference)
        return try RegistryDirectory.with(store.home) { directory in
            var wanted: [(digest: Digest, manifest: OCIManifest)] = [(found.digest, manifest)]
            if manifest.artifactType == MediaType.image {
                wanted += try kernel(of: manifest, reference, documents).map { [$0] } ?? []
            }
            let bytes = wanted.reduce(0) { $0 + $1.manifest.blobBytes }
            try refuseFullDisk(bytes, reference)
            let skopeo = Skopeo(access: access, directory: directory)
            var limit: Int64 = 0
            for part in wanted {
                limit += part.manifest.blobBytes + Int64(RegistryDocuments.manifestLimit)
                let name = part.manifest.annotations?[Annotation.name] ?? part.digest.short
                try skopeo.pull(
                    reference.with(.digest(part.digest)), to: "layout",
                    Skopeo.Job(what: name, bytes: limit, growing: "\(directory)/layout", show: show))
            }
            let layout = "\(directory)/layout"
            for part in wanted { try fetchReferrers(of: part.digest, documents, into: layout) }
            return try store.importLayout(layout, found.digest.description, at: time, progress: show)
        }
    }

    private func check(_ found: RegistryDocuments.Manifest, _ reference: RegistryReference) throws -> OCIManifest {
        let foreign = RegistryError(
            .wrongContent,
            "\(reference) is no image of sojourn's; to make one of it, write a recipe with the line  from: "
                + "docker://\(reference.name)")
        guard found.mediaType == MediaType.imageManifest else { throw foreign }
        let manifest = try OCIManifest(decoding: found.bytes, source: reference.description)
        guard [MediaType.image, MediaType.kernel].contains(manifest.artifactType) else { throw foreign }
        for blob in [manifest.config] + manifest.layers where !(0...(1 << 44)).contains(blob.size) {
            throw RegistryError(
                .wrongContent, "\(reference): the blob \(blob.digest) is said to have \(blob.size) bytes")
        }
        return manifest
    }

    /// Nil where the home has it.
    private func kernel(
        of manifest: OCIManifest, _ reference: RegistryReference, _ documents: RegistryDocuments
    ) throws -> (Digest, OCIManifest)? {
        let bytes = try documents.blob(manifest.config, limit: Int64(RegistryDocuments.manifestLimit))
        let digest = try ImageConfiguration(decoding: bytes, source: "the configuration of \(reference)").kernel
        if try store.kernels().contains(where: { $0.digest == digest }) { return nil }
        let named = reference.with(.digest(digest))
        guard let found = try documents.manifest(.digest(digest)) else {
            throw RegistryError(
                .notFound,
                "the kernel \(digest) of \(reference) is neither in the registry nor here; push the image anew")
        }
        let kernel = try check(found, named)
        guard kernel.artifactType == MediaType.kernel else {
            throw RegistryError(.wrongContent, "\(named), which the image names as its kernel, is none")
        }
        return (digest, kernel)
    }

    /// Twice: what came is copied once more when it is taken into the store.
    private func refuseFullDisk(_ bytes: Int64, _ reference: RegistryReference) throws {
        let free = try Files.freeSpace(store.home.cache)
        guard free / 2 > bytes + 64 << 20 else {
            throw ImageStoreError(
                .noSpace,
                "\(reference) needs \(ByteCount(2 * bytes + 128 << 20).rounded) to be pulled, the disk of "
                    + "\(store.home.path) has \(ByteCount(free).rounded); make room there: sojourn image gc")
        }
    }

    /// Whatever is of our form; the rest is not for us.
    private func fetchReferrers(
        of subject: Digest, _ documents: RegistryDocuments, into layout: String
    ) throws {
        var taken: [OCIDescriptor] = []
        var bytes: Int64 = 0
        let blobs = "\(layout)/blobs/sha256"
        for listed in try ReferrerList.read(documents, of: subject) {
            show("what is said about \(subject.short): \(taken.count + 1)")
            guard
                let said = try ReferrerList.fetch(listed, about: subject, documents, limit: Self.referrerLimit)
            else { continue }
            bytes += said.blob.size
            guard bytes <= Self.referrersLimit else {
                throw RegistryError(
                    .wrongContent, "what is said about \(subject) has more than \(Self.referrersLimit) bytes in all")
            }
            try Files.write(
                try documents.blob(said.blob, limit: Self.referrerLimit), to: "\(blobs)/\(said.blob.digest.hex)")
            try Files.write(said.manifest, to: "\(blobs)/\(said.descriptor.digest.hex)")
            taken.append(said.descriptor)
        }
        guard !taken.isEmpty else { return }
        let empty = Array("{}".utf8)
        try Files.write(empty, to: "\(blobs)/\(BlobHash.digest(of: empty).hex)")
        try ImageStore.list(taken, about: subject, inLayout: layout)
    }
}

extension OCIManifest {
    /// Of what it names, each blob once.
    fileprivate var blobBytes: Int64 {
        Dictionary(([config] + layers).map { ($0.digest, $0.size) }) { first, _ in first }.values.reduce(0, +)
    }
}
