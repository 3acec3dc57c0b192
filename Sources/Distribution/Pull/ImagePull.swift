package import GridModel
package import HTTPTransport
package import ImageFormat
package import ImageStore
import Linux
import Settings

/// Brings endorsed images and kernels here whole: by what is cheapest, said beforehand.
///
/// Whatever is killed at whatever moment is resumed by the next: blocks that came stay where they belong.
package struct ImagePull {
    private let store: ImageStore
    private let transport: HTTPTransport
    private let sources: PullSources
    private let progress: (String) -> Void

    package init(
        _ store: ImageStore, transport: HTTPTransport, from sources: PullSources, progress: @escaping (String) -> Void
    ) {
        self.store = store
        self.transport = transport
        self.sources = sources
        self.progress = progress
    }

    /// What a start needs has its own place and lock: it does not wait for what others of the home bring whole.
    private var isStart = false
    private var fetch: ImageFetch {
        ImageFetch(store, transport: transport, hints: sources.files, progress: progress)
    }

    private var scratch: String { "\(store.home.cache)/\(isStart ? "start" : "pull")" }
    /// Of what came in part and was not gone on with. Seconds.
    private static let mostAge: Int64 = 7 * 86400

    /// What it would take. Verity trees, without which nobody can tell, are fetched.
    package func plan(_ wanted: [ImageFetch.Source], how: PullWay) throws -> PullPlan {
        try alone {
            var report = PullReport()
            return how == .rebuild ? try rebuildPlan(wanted, &report) : try prepare(wanted, how, &report).plan
        }
    }

    /// Brings all of `wanted`: an image's kernel must be here or come before it.
    ///
    /// - Parameters:
    ///   - rebuild: builds an image, for `.rebuild`.
    ///   - planned: hears what will be done before it is.
    package func run(
        _ wanted: [ImageFetch.Source], how: PullWay, at time: Timestamp, rebuild: RebuildImage? = nil,
        planned: (PullPlan) -> Void = { _ in }
    ) throws -> PullReport {
        try alone {
            var report = PullReport()
            if how == .rebuild {
                planned(try rebuildPlan(wanted, &report))
                try self.rebuild(wanted, at: time, rebuild, &report)
                return report
            }
            let prepared = try prepare(wanted, how, &report)
            planned(prepared.plan)
            for artifact in prepared.artifacts {
                for layer in artifact.layers { try layer.check(how, of: artifact.name) }
            }
            try refuseFullDisk(prepared)
            try bringDocuments(prepared, &report)
            try fetch.documents(wanted, at: time)
            for artifact in prepared.artifacts {
                for layer in artifact.layers where layer.missing > 0 || !store.isWhole(layer.layer.filesystem) {
                    try pull(layer, of: artifact, how).run(&report)
                }
            }
            return report
        }
    }

    /// Brings what a machine needs before it starts: all but the filesystems, of which only those blocks are put in place
    /// that are here under any image. The rest comes while it runs (`BlockFill`).
    package func begin(_ wanted: [ImageFetch.Source], at time: Timestamp) throws -> PullReport {
        var starting = self
        starting.isStart = true
        return try starting.bringWhatStartsNeed(wanted, at: time)
    }

    private func bringWhatStartsNeed(_ wanted: [ImageFetch.Source], at time: Timestamp) throws -> PullReport {
        try alone {
            var report = PullReport()
            let prepared = try prepare(wanted, .ranges, &report)
            try refuseFullDisk(prepared)
            try bringDocuments(prepared, &report)
            try fetch.documents(wanted, at: time)
            for artifact in prepared.artifacts {
                for layer in artifact.layers where !layer.copies.isEmpty {
                    try pull(layer, of: artifact, .ranges).copyWhatIsHere(&report)
                }
            }
            return report
        }
    }

    private func pull(_ layer: LayerPlan, of artifact: Prepared.Artifact, _ how: PullWay) throws -> LayerPull {
        LayerPull(
            plan: layer, way: layer.way(how), mayFetch: how != .here, blob: try SparseBlob(layer.layer, in: store),
            places: sources.places, scratch: scratch, name: "\(artifact.name), \(layer.layer.name)",
            progress: progress)
    }

    /// One pull and one start at a time in a home; a later one finds what the earlier brought.
    private func alone<Result>(_ body: () throws -> Result) throws -> Result {
        try Files.makeDirectories(scratch, mode: 0o700)
        let lock = try FileLock.wait("\(scratch).lock") {
            progress("another command of this home is fetching images; waiting")
        }
        return try withExtendedLifetime(lock) {
            let now = Host.realtime.seconds
            // What a killed one was applying is applied anew; what it was fetching goes on, unless nobody came for long.
            for name in try Files.list(scratch) {
                let path = "\(scratch)/\(name)"
                let isOld = Files.changed(path).map { now - $0 > Self.mostAge } ?? false
                if isOld || name.hasPrefix("delta-") { try Files.removeTree(path) }
            }
            return try body()
        }
    }

    /// From whatever place has them; what none gives here, the catalogue is asked for when they are entered.
    private func bringDocuments(_ prepared: Prepared, _ report: inout PullReport) throws {
        for artifact in prepared.artifacts {
            for blob in artifact.documents where !store.has(blob.digest) {
                progress("\(artifact.name): fetching \(blob.mediaType), \(ByteCount(blob.size).rounded)")
                do { try bring(blob, &report) } catch let error as ImageStoreError
                    where error.code == .missingBlob
                {
                    report.note("\(error)")
                    report.bytes += blob.size
                }
            }
        }
    }

    /// Makes it a blob of the store.
    private func bring(_ blob: OCIDescriptor, _ report: inout PullReport) throws {
        let came = "\(scratch)/\(blob.digest.hex)"
        try report.add(WholeBlob(blob, at: "\(came).part").bring(to: came, from: sources.places(blob)))
        _ = try store.add(movingFile: came, mediaType: blob.mediaType)
    }

    private func refuseFullDisk(_ prepared: Prepared) throws {
        let free = try Files.freeSpace(store.home.images)
        guard free > prepared.room + 64 << 20 else {
            let names = prepared.artifacts.map(\.name).joined(separator: " and ")
            throw ImageStoreError(
                .noSpace,
                "\(names) needs \(ByteCount(prepared.room + 64 << 20).rounded) to be fetched, the disk of "
                    + "\(store.home.images) has \(ByteCount(free).rounded); make room there: sojourn image gc")
        }
    }
}

// MARK: - Planning

extension ImagePull {
    private struct Prepared {
        struct Artifact {
            let source: ImageFetch.Source
            let documents: [OCIDescriptor]
            let layers: [LayerPlan]

            var name: String { source.entry.name }
        }

        let artifacts: [Artifact]
        let plan: PullPlan
        /// Of documents that are yet to come.
        let documentBytes: Int64

        /// Bytes on the disk, at most.
        var room: Int64 {
            documentBytes
                + artifacts.flatMap(\.layers).reduce(0) { sum, layer in
                    let applying = layer.delta.map { 2 * $0.hint.size + min($0.old.size, 256 << 20) } ?? 0
                    return sum + Int64(layer.missing * SparseBlob.blockSize) + applying
                }
        }
    }

    private func prepare(_ wanted: [ImageFetch.Source], _ how: PullWay, _ report: inout PullReport) throws -> Prepared {
        let local = try LocalBlocks(store)
        var artifacts: [Prepared.Artifact] = []
        var counted: Set<Digest> = []
        for source in wanted {
            let manifest = try self.manifest(of: source)
            let documents = ([manifest.config] + manifest.layers).filter {
                $0.mediaType != MediaType.layer && !store.has($0.digest) && counted.insert($0.digest).inserted
            }
            guard documents.allSatisfy({ (0...(1 << 40)).contains($0.size) }) else {
                throw DistributionError(.refused, "\(source.entry.name): its manifest names blobs of impossible sizes")
            }
            let layers =
                source.entry.isKernel
                ? [] : try manifest.imageLayers().map { try layerPlan($0, source, local, how, &report) }
            artifacts.append(Prepared.Artifact(source: source, documents: documents, layers: layers))
        }
        let plan = PullPlan(
            artifacts: try artifacts.map { artifact in
                PullPlan.Artifact(
                    name: artifact.name, digest: artifact.source.entry.digest,
                    layers: try artifact.layers.map { try $0.summary(how) }, documents: artifact.documents.count,
                    documentBytes: artifact.documents.reduce(0) { $0 + $1.size })
            })
        let yet = artifacts.flatMap(\.documents).filter { !store.has($0.digest) }.reduce(0) { $0 + $1.size }
        return Prepared(artifacts: artifacts, plan: plan, documentBytes: yet)
    }

    private func manifest(of source: ImageFetch.Source) throws -> OCIManifest {
        let documents = ServedDocuments(CatalogueDirectory(store.home, name: source.catalogue.name))
        guard let manifest = try documents.manifest(of: source.entry) else {
            throw DistributionError(
                .notSynchronised, "the manifest of \(source.entry.name) is not here yet; run: sojourn site sync")
        }
        for blob in [manifest.config] + manifest.layers where !store.has(blob.digest) {
            // What tells of images came with the catalogue.
            guard blob.size <= ServedDocuments.packagesLimit,
                let bytes = try documents.read(blob.digest, limit: ServedDocuments.packagesLimit)
            else { continue }
            _ = try store.add(bytes, mediaType: blob.mediaType)
        }
        return manifest
    }

    private func layerPlan(
        _ layer: ImageLayer, _ source: ImageFetch.Source, _ local: LocalBlocks, _ how: PullWay,
        _ report: inout PullReport
    ) throws -> LayerPlan {
        let verifier = try VerityVerifier(tree: try tree(of: layer, source, &report), root: layer.verity)
        let digest = layer.filesystem.digest
        let blob = store.hasSome(of: digest) ? try SparseBlob(layer, in: store) : nil
        let hints =
            blob?.isWhole == true || ![.auto, .delta].contains(how) ? [] : self.hints(for: digest, source, &report)
        return try LayerPlan(layer, verifier, blob: blob, local: local, hints: hints)
    }

    /// Made a blob of the store, so that it is fetched once.
    private func tree(
        of layer: ImageLayer, _ source: ImageFetch.Source, _ report: inout PullReport
    ) throws -> [UInt8] {
        let path = store.path(of: layer.tree.digest)
        guard layer.tree.size <= 1 << 30 else {
            throw DistributionError(.refused, "\(layer.name): a verity tree of \(layer.tree.size) bytes")
        }
        if store.has(layer.tree.digest) {
            let bytes = try Files.read(path, limit: Int(layer.tree.size))
            if BlobHash.digest(of: bytes) == layer.tree.digest { return bytes }
        }
        progress("\(source.entry.name): fetching the verity tree of \(layer.name)")
        try bring(layer.tree, &report)
        return try Files.read(path, limit: Int(layer.tree.size))
    }

    /// None where they cannot be had: a delta only makes cheaper what can be done without.
    private func hints(
        for filesystem: Digest, _ source: ImageFetch.Source, _ report: inout PullReport
    ) -> [DeltaHints.Delta] {
        let files = sources.files(source.catalogue)
        let name = DeltaHints.name(of: filesystem)
        do {
            guard let bytes = try files.read(name, limit: DeltaHints.limit) else { return [] }
            return try DeltaHints(decoding: bytes, source: "\(files)/\(name)").deltas
        } catch {
            report.note("\(error); deltas are not used")
            return []
        }
    }
}

// MARK: - Rebuilding

/// What an image is built again from: its manifest, and those documents that it names, each of its digest.
package struct RebuildRequest: Sendable {
    package let source: ImageFetch.Source
    package let manifest: OCIManifest
    package let manifestBytes: [UInt8]
    /// Configuration, recipes, lock and packages, by digest.
    package let documents: [Digest: [UInt8]]
}

/// Builds an image and makes it one of the home; it must come out with the manifest's digest.
package typealias RebuildImage = (RebuildRequest) throws -> Void

extension ImagePull {
    private func rebuild(
        _ wanted: [ImageFetch.Source], at time: Timestamp, _ rebuild: RebuildImage?, _ report: inout PullReport
    ) throws {
        let kernels = wanted.filter(\.entry.isKernel)
        if !kernels.isEmpty {
            try bringDocuments(try prepare(kernels, .auto, &report), &report)
            try fetch.documents(kernels, at: time)
        }
        for source in wanted where !source.entry.isKernel {
            guard let rebuild else {
                throw DistributionError(.unavailable, "\(source.entry.name) cannot be built again here")
            }
            try rebuild(try request(for: source, &report))
            guard try store.artifacts().contains(where: { $0.digest == source.entry.digest }) else {
                throw DistributionError(
                    .refused,
                    "what was built is not \(source.entry.name) \(source.entry.digest); pull it with: --how auto")
            }
        }
    }

    /// Of an image only documents travel.
    private func rebuildPlan(_ wanted: [ImageFetch.Source], _ report: inout PullReport) throws -> PullPlan {
        let kernels = wanted.filter(\.entry.isKernel)
        let images = try wanted.filter { !$0.entry.isKernel }.map { source in
            let lacking = rebuildDocuments(try manifest(of: source)).filter { !store.has($0.digest) }
            return PullPlan.Artifact(
                name: source.entry.name, digest: source.entry.digest, layers: [], documents: lacking.count,
                documentBytes: lacking.reduce(0) { $0 + $1.size })
        }
        return PullPlan(artifacts: try prepare(kernels, .auto, &report).plan.artifacts + images)
    }

    /// What an image is built again from.
    private func rebuildDocuments(_ manifest: OCIManifest) -> [OCIDescriptor] {
        let types = [MediaType.recipe, MediaType.lock, MediaType.packages]
        return [manifest.config] + manifest.layers.filter { types.contains($0.mediaType) }
    }

    private func request(for source: ImageFetch.Source, _ report: inout PullReport) throws -> RebuildRequest {
        let manifest = try self.manifest(of: source)
        let known = ServedDocuments(CatalogueDirectory(store.home, name: source.catalogue.name))
        var documents: [Digest: [UInt8]] = [:]
        for blob in rebuildDocuments(manifest) {
            guard (0...(64 << 20)).contains(blob.size) else {
                throw DistributionError(.refused, "\(source.entry.name): a document of \(blob.size) bytes")
            }
            if !store.has(blob.digest) { try bring(blob, &report) }
            let bytes = try Files.read(store.path(of: blob.digest), limit: 64 << 20)
            guard BlobHash.digest(of: bytes) == blob.digest else {
                throw ImageStoreError(.corruptedBlob, "\(store.path(of: blob.digest)) is damaged; remove it")
            }
            documents[blob.digest] = bytes
        }
        let bytes = try known.read(source.entry.digest, limit: ServedDocuments.documentLimit) ?? []
        return RebuildRequest(source: source, manifest: manifest, manifestBytes: bytes, documents: documents)
    }
}

extension ImageStore {
    func has(_ digest: Digest) -> Bool { Files.exists(path(of: digest)) }

    /// True where a filesystem is here whole or in part.
    func hasSome(of digest: Digest) -> Bool { has(digest) || Files.exists(partial(of: digest)) }

    func isWhole(_ blob: OCIDescriptor) -> Bool { has(blob.digest) }

    /// True where every filesystem of an image is here as a blob: nothing of it is on its way.
    package func isWhole(_ image: StoredImage) -> Bool { image.layers.allSatisfy { isWhole($0.filesystem) } }
}
