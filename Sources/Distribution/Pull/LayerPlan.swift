import GridModel
import ImageFormat
import ImageStore

/// What is to be done for one filesystem.
struct LayerPlan {
    let layer: ImageLayer
    let verifier: VerityVerifier
    /// Blocks that are neither zeros nor in their place.
    let missing: Int
    /// Those of them whose content is here.
    let copies: [BlockCopy]
    /// One block of each content that is nowhere here, in their order.
    let lacking: [Int]
    let ranges: RangePlan
    let delta: Delta?

    /// A delta blob that can be used.
    struct Delta {
        let hint: DeltaHints.Delta
        let old: SparseBlob
    }

    /// What a request costs beside its bytes, as bytes: its head and its answer's, and the wait of a line of 100 Mbit/s.
    private static let requestCost: Int64 = 2048

    /// - Parameter blob: what is here of it; nil where nothing is.
    init(
        _ layer: ImageLayer, _ verifier: VerityVerifier, blob: SparseBlob?, local: LocalBlocks,
        hints: [DeltaHints.Delta]
    ) throws {
        self.layer = layer
        self.verifier = verifier
        let all = 0..<verifier.dataBlocks
        let runs = try blob.map { $0.isWhole ? [] : try $0.missing(in: all) } ?? [all]
        let missing = runs.joined().filter { !verifier.isZero($0) }
        self.missing = missing.count
        var places: [BlockDigest: BlockCopy.Source] = [:]
        if let blob, !missing.isEmpty, missing.count < verifier.dataBlocks {
            for block in try blob.presentBlocks() {
                places[verifier.key(block)] = BlockCopy.Source(blob: blob, block: block)
            }
        }
        let wanted = Set(missing.map { verifier.key($0) })
        places.merge(try local.find(wanted, besides: layer.filesystem.digest)) { own, _ in own }
        var copies: [BlockCopy] = []
        var lacking: [Int] = []
        var seen: Set<BlockDigest> = []
        for block in missing {
            let key = verifier.key(block)
            if let place = places[key] {
                copies.append(BlockCopy(from: place, to: block))
            } else if seen.insert(key).inserted {
                lacking.append(block)
            }
        }
        self.copies = copies
        self.lacking = lacking
        ranges = RangePlan(missing: lacking)
        delta = try lacking.isEmpty ? nil : Self.cheapest(hints, verifier, seen, local)
    }

    /// Of those from filesystems that are here, with all blocks that they begin with, and that bring all that is lacking.
    private static func cheapest(
        _ hints: [DeltaHints.Delta], _ new: VerityVerifier, _ lacking: Set<BlockDigest>, _ local: LocalBlocks
    ) throws -> Delta? {
        guard Zstandard.isInstalled else { return nil }
        for hint in hints.sorted(by: { ($0.size, $0.digest) < ($1.size, $1.digest) }) {
            guard let old = try local.open(hint.from) else { continue }
            let delta = BlockDelta(from: old.verifier, to: new)
            guard lacking.isSubset(of: delta.added.map { new.key($0) }) else { continue }
            if !old.isWhole {
                let present = Set(try old.presentBlocks())
                guard present.isSuperset(of: delta.removed) else { continue }
            }
            return Delta(hint: hint, old: old)
        }
        return nil
    }

    var rangeCost: Int64 { ranges.bytes + Int64(ranges.requests.count) * Self.requestCost }

    /// What is done if `asked` is.
    func way(_ asked: PullWay) -> PullWay {
        if lacking.isEmpty { return .here }
        switch asked {
        case .auto: return (delta?.hint.size).map { $0 + Self.requestCost < rangeCost } ?? false ? .delta : .ranges
        case .here, .ranges, .rebuild, .delta: return asked
        }
    }

    /// For people and records.
    func summary(_ asked: PullWay) throws -> PullPlan.Layer {
        let way = way(asked)
        let fetched: (bytes: Int64, requests: Int) =
            switch way {
            case .delta: (delta?.hint.size ?? 0, 1)
            case .ranges: (ranges.bytes, ranges.requests.count)
            case .here, .rebuild, .auto: (0, 0)
            }
        return PullPlan.Layer(
            name: layer.name, digest: layer.filesystem.digest, size: layer.filesystem.size, way: way,
            blocks: verifier.dataBlocks, blocksInPlace: verifier.dataBlocks - missing, blocksCopied: copies.count,
            bytes: fetched.bytes, requests: fetched.requests, rangeBytes: ranges.bytes,
            rangeRequests: ranges.requests.count, delta: delta?.hint)
    }

    /// Refuses what cannot be done as asked.
    func check(_ asked: PullWay, of name: String) throws {
        if lacking.isEmpty { return }
        let lack = "\(lacking.count) blocks (\(ByteCount(Int64(lacking.count * 4096)).rounded)) of \(name)"
        if asked == .here {
            throw DistributionError(
                .unavailable, "\(lack) are nowhere here; fetch them with: --how auto")
        }
        if asked == .delta, delta == nil {
            throw DistributionError(
                .unavailable,
                "\(lack) are not here, and no delta is served for \(layer.filesystem.digest.short) from a filesystem that is "
                    + "here; fetch them with: --how ranges")
        }
    }
}
