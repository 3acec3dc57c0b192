package import GridModel
import ImageFormat
package import ImageStore
import Linux

/// What fetching one image or kernel costs a host that has another whole, and nothing else: to the byte what then moves.
package struct PullPrediction: Sendable, Encodable, Equatable {
    /// A filesystem that the other has not.
    package struct Layer: Sendable, Encodable, Equatable {
        package let name: String
        package let digest: Digest
        package let blocks: Int
        /// Zeros, and what filesystems of the other have.
        package let blocksHere: Int
        package let rangeBytes: Int64
        package let rangeRequests: Int
        /// Of a delta from the other's filesystem of this name; nil where none was made.
        package let deltaBytes: Int64?
    }

    package let layers: [Layer]
    /// All other blobs, manifests among them, with those of another kernel.
    package let documents: Int
    package let documentBytes: Int64

    /// With ranges alone.
    package var rangeTotal: Int64 { documentBytes + layers.reduce(0) { $0 + $1.rangeBytes } }
    /// With the deltas that were made, ranges for the rest; nil where none was.
    package var deltaTotal: Int64? {
        guard layers.contains(where: { $0.deltaBytes != nil }) else { return nil }
        return documentBytes + layers.reduce(0) { $0 + ($1.deltaBytes ?? $1.rangeBytes) }
    }

    /// - Parameter makingDeltas: finds out how large they are by making them.
    package init(
        from old: StoredArtifact, to new: StoredArtifact, _ store: ImageStore, makingDeltas: Bool,
        progress: (String) -> Void = { _ in }
    ) throws {
        var known = Set(try Self.blobs(of: old, store).map(\.digest))
        let documents = try Self.blobs(of: new, store).filter { known.insert($0.digest).inserted }
            .filter { $0.mediaType != MediaType.layer }
        self.documents = documents.count
        documentBytes = documents.reduce(0) { $0 + $1.size }
        guard case .image(let before) = old, case .image(let after) = new else {
            layers = []
            return
        }
        let local = LocalBlocks(store, before.layers)
        layers = try after.layers.filter { layer in
            !before.layers.contains { $0.filesystem.digest == layer.filesystem.digest }
        }.map { layer in
            let verifier = try store.verifier(of: layer)
            let plan = try LayerPlan(layer, verifier, blob: nil, local: local, hints: [])
            let delta = try makingDeltas ? Self.delta(from: before, to: layer, store, progress) : nil
            return Layer(
                name: layer.name, digest: layer.filesystem.digest, blocks: verifier.dataBlocks,
                blocksHere: verifier.dataBlocks - plan.missing + plan.copies.count, rangeBytes: plan.ranges.bytes,
                rangeRequests: plan.ranges.requests.count, deltaBytes: delta)
        }
    }

    private static func blobs(of artifact: StoredArtifact, _ store: ImageStore) throws -> [OCIDescriptor] {
        let own = try store.blobs(of: artifact)
        guard case .image(let image) = artifact else { return own }
        return own + (try store.blobs(of: .kernel(try store.kernel(of: image))))
    }

    private static func delta(
        from before: StoredImage, to layer: ImageLayer, _ store: ImageStore, _ progress: (String) -> Void
    ) throws -> Int64? {
        guard let old = before.layers.first(where: { $0.name == layer.name }), store.isWhole(layer.filesystem),
            store.isWhole(old.filesystem)
        else { return nil }
        let scratch = "\(store.home.cache)/diff-\(UInt64.random(in: 0 ... .max))"
        try Files.makeDirectories(scratch, mode: 0o700)
        let result = Result {
            try DeltaCreation(
                from: try SparseBlob(old, in: store), to: try SparseBlob(layer, in: store), scratch: scratch
            ).write(
                to: "\(scratch)/delta", progress: { progress("\(layer.name): part \($0 + 1) of \($1) of the delta") })
        }
        try Files.removeTree(scratch)
        return try result.get()
    }
}

extension ImageStore {
    /// Of a filesystem whose tree is here.
    func verifier(of layer: ImageLayer) throws -> VerityVerifier {
        let tree = try Files.read(path(of: layer.tree.digest), limit: 1 << 30)
        return try VerityVerifier(tree: tree, root: layer.verity)
    }
}
