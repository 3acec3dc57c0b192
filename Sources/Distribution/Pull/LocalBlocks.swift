import GridModel
import ImageFormat
import ImageStore

/// Filesystems of the home, whole or in part: their verity trees tell what blocks there are.
struct LocalBlocks {
    private let store: ImageStore
    /// By digest; opened when first needed.
    private let layers: [Digest: ImageLayer]

    /// All that the home has.
    init(_ store: ImageStore) throws { self.init(store, try store.images().flatMap(\.layers)) }

    init(_ store: ImageStore, _ all: [ImageLayer]) {
        self.store = store
        var layers: [Digest: ImageLayer] = [:]
        // Salted trees tell nothing of each other.
        for layer in all where layer.verity.salt.isEmpty { layers[layer.filesystem.digest] = layer }
        self.layers = layers
    }

    /// Something of it, and its tree, must be here; else nil. Nil too where its tree is damaged.
    func open(_ digest: Digest) throws -> SparseBlob? {
        guard let layer = layers[digest], store.hasSome(of: digest), store.has(layer.tree.digest) else { return nil }
        do { return try SparseBlob(layer, in: store) } catch let error as ImageStoreError
            where error.code == .corruptedBlob
        { return nil }
    }

    /// Where contents may be read, of those in `wanted`; none of `own`, which the caller knows.
    func find(_ wanted: Set<BlockDigest>, besides own: Digest) throws -> [BlockDigest: BlockCopy.Source] {
        var found: [BlockDigest: BlockCopy.Source] = [:]
        for digest in layers.keys.sorted() where digest != own && found.count < wanted.count {
            guard let blob = try open(digest) else { continue }
            for block in try blob.presentBlocks() {
                let key = blob.verifier.key(block)
                if wanted.contains(key), found[key] == nil { found[key] = BlockCopy.Source(blob: blob, block: block) }
            }
        }
        return found
    }
}

/// A block that is had by reading another.
struct BlockCopy {
    struct Source {
        let blob: SparseBlob
        let block: Int
    }

    let from: Source
    /// In the filesystem that is being completed.
    let to: Int
}

extension SparseBlob {
    /// Those that are here. Of a whole blob all are taken for sound until they are read.
    func presentBlocks() throws -> [Int] {
        if isWhole { return Array(0..<blockCount) }
        var present: [Int] = []
        var next = 0
        for run in try missing(in: 0..<blockCount) {
            present += next..<run.lowerBound
            next = run.upperBound
        }
        return present + (next..<blockCount)
    }
}
