import Glibc
package import GridModel
package import HTTPTransport
import ImageFormat
package import ImageStore
import Linux
package import Settings
import StrictJSON

/// Brings what tells of an endorsed image into the home, with its kernel: each blob checked against its digest before
/// anything uses it, then all of it as an import is checked. The filesystems come later, block by block (`SparseBlob`).
package struct ImageFetch {
    private let store: ImageStore
    private let transport: HTTPTransport
    private let hints: @Sendable (TrustedCatalogue) -> any MetadataSource
    private let progress: (String) -> Void

    /// - Parameter hints: what tells of boot traces.
    package init(
        _ store: ImageStore, transport: HTTPTransport,
        hints: @escaping @Sendable (TrustedCatalogue) -> any MetadataSource, progress: @escaping (String) -> Void
    ) {
        self.store = store
        self.transport = transport
        self.hints = hints
        self.progress = progress
    }

    /// Where it comes from.
    package struct Source: Sendable {
        package let entry: CatalogueEntry
        package let catalogue: TrustedCatalogue

        package init(entry: CatalogueEntry, catalogue: TrustedCatalogue) {
            self.entry = entry
            self.catalogue = catalogue
        }
    }

    /// Fetches what is not here of all of them, but for filesystems; an image's kernel must be here or among them.
    package func documents(_ sources: [Source], at time: Timestamp) throws {
        let staging = "\(store.home.cache)/fetch"
        let lock = try FileLock.wait("\(store.home.cache)/fetch.lock") {
            progress("another command of this home is fetching images; waiting")
        }
        try withExtendedLifetime(lock) {
            let blobs = "\(staging)/blobs/sha256"
            try Files.makeDirectories(blobs, mode: 0o700)
            var manifests: [OCIDescriptor] = []
            for source in sources {
                let documents = ServedDocuments(CatalogueDirectory(store.home, name: source.catalogue.name))
                guard let manifest = try documents.manifest(of: source.entry),
                    let bytes = try documents.read(source.entry.digest, limit: ServedDocuments.documentLimit)
                else {
                    throw DistributionError(
                        .notSynchronised,
                        "the manifest of \(source.entry.name) is not here yet; run: sojourn site sync")
                }
                try Files.write(bytes, to: "\(blobs)/\(source.entry.digest.hex)")
                let filesystems = manifest.layers.filter { $0.mediaType == MediaType.layer }
                try fetch(
                    [manifest.config] + manifest.layers.filter { !filesystems.contains($0) }, of: source, into: blobs)
                manifests.append(
                    OCIDescriptor(
                        mediaType: MediaType.imageManifest, digest: source.entry.digest, size: Int64(bytes.count),
                        artifactType: manifest.artifactType))
            }
            try Files.write(try StrictJSON.encode(OCIIndex(manifests: manifests)), to: "\(staging)/index.json")
            try Files.write(try StrictJSON.encode(OCILayout()), to: "\(staging)/oci-layout")
            for source in sources where !source.entry.isKernel || sources.count == 1 {
                _ = try store.importLayout(
                    staging, source.entry.digest.description, at: time, isArriving: true, progress: progress)
            }
            try Files.removeTree(staging)
            for source in sources where !source.entry.isKernel { try keepTrace(of: source) }
        }
    }

    /// What a start reads first, as a mirror or the catalogue serves it: a hint, of which nothing depends but time.
    private func keepTrace(of source: Source) throws {
        guard try store.bootTrace(of: source.entry.digest) == nil else { return }
        let name = "traces/sha256/\(source.entry.digest.hex).json"
        do {
            guard let bytes = try hints(source.catalogue).read(name, limit: 4 << 20) else { return }
            _ = try BootTrace(decoding: bytes, source: name)
            try store.attach(
                bytes, mediaType: MediaType.bootTrace, artifactType: MediaType.bootTrace, to: source.entry.digest)
        } catch let error as SystemError { throw error } catch {
            progress("\(source.entry.name): what a start reads first is not told: \(error)")
        }
    }

    private func fetch(_ all: [OCIDescriptor], of source: Source, into directory: String) throws {
        var seen: Set<GridModel.Digest> = []
        let wanted = all.filter { seen.insert($0.digest).inserted }
        for blob in wanted where !(0...(1 << 44)).contains(blob.size) {
            throw DistributionError(
                .refused, "\(source.entry.name): its manifest names a blob of \(blob.size) bytes")
        }
        let lacking = wanted.filter { !Files.exists(store.path(of: $0.digest)) }
        try refuseFullDisk(lacking.reduce(0) { $0 + $1.size }, source, directory)
        for blob in wanted { try provide(blob, of: source, in: directory) }
    }

    /// Twice: what is fetched is copied once more when it is taken into the store.
    private func refuseFullDisk(_ bytes: Int64, _ source: Source, _ directory: String) throws {
        let free = try Files.freeSpace(directory)
        guard free / 2 > bytes + 64 << 20 else {
            throw ImageStoreError(
                .noSpace,
                "\(source.entry.name) needs \(ByteCount(2 * bytes + 128 << 20).rounded) to be fetched, the disk of "
                    + "\(directory) has \(ByteCount(free).rounded); make room there: sojourn image gc")
        }
    }

    /// A link to what the home has, else the served blob; what was fetched of it before a kill is not fetched again.
    private func provide(_ blob: OCIDescriptor, of source: Source, in directory: String) throws {
        let target = "\(directory)/\(blob.digest.hex)"
        if Files.exists(target) { return }
        if Files.exists(store.path(of: blob.digest)), link(store.path(of: blob.digest), target) == 0 { return }
        let place = ServedRanges(address: source.catalogue.url.trimmed, transport: transport)
        let label = "fetching \(source.entry.name) from \(source.catalogue.name)"
        var told: Int64 = 0
        _ = try WholeBlob(blob, at: "\(target).part").bring(to: target, from: place) { done in
            guard done - told >= 4 << 20 else { return }
            told = done
            progress("\(label): \(ByteCount(done).rounded) of \(ByteCount(blob.size).rounded)")
        }
    }
}
