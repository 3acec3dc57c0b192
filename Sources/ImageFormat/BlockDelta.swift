/// What a delta blob from one filesystem to another holds: no map travels, both sides derive it from the two verity trees.
///
/// The blob is the *added* blocks, one after the other, compressed with the *removed* ones as reference: those that both
/// have need not be written, and in what they share nothing could be found that a removed block does not show.
package struct BlockDelta: Equatable, Sendable {
    /// Blocks of the new filesystem that the old one has nowhere, each content once, in their order.
    package let added: [Int]
    /// Blocks of the old filesystem that the new one has nowhere, in their order.
    package let removed: [Int]

    /// Salted trees tell nothing of each other: their salts must be equal, as they are (none) in our images.
    package init(from old: VerityVerifier, to new: VerityVerifier) {
        let before = Set((0..<old.dataBlocks).map { old.key($0) })
        var seen = before
        var after: Set<BlockDigest> = []
        var added: [Int] = []
        for block in 0..<new.dataBlocks {
            let key = new.key(block)
            after.insert(key)
            if seen.insert(key).inserted, !new.isZero(block) { added.append(block) }
        }
        self.added = added
        removed = (0..<old.dataBlocks).filter { !after.contains(old.key($0)) }
    }

    init(added: [Int], removed: [Int]) {
        self.added = added
        self.removed = removed
    }

    package var addedBytes: Int64 { Int64(added.count * VerityFormat.blockSize) }

    /// A part that is compressed and expanded by itself, so that memory stays bounded however large a filesystem is.
    package struct Segment: Equatable, Sendable {
        /// Of `added`.
        package let added: Range<Int>
        /// Of `removed`: what lies where the added ones do, and as much again around it.
        package let reference: Range<Int>
    }

    /// Blocks of one segment: 64 MiB.
    package static let segmentBlocks = 16384

    /// Those of this delta, by rules that are part of the format.
    package func segments(blocks most: Int = segmentBlocks) -> [Segment] {
        if added.isEmpty { return [] }
        let count = min(added.count, (max(added.count, removed.count) + most - 1) / most)
        return (0..<count).map { index in
            let middle = removed.count * (2 * index + 1) / (2 * count)
            let reach = min(most, removed.count / count + 1)
            let low = count == 1 ? max(0, middle - most) : max(0, middle - reach)
            let high = count == 1 ? min(removed.count, middle + most) : min(removed.count, middle + reach)
            return Segment(
                added: added.count * index / count..<added.count * (index + 1) / count, reference: low..<high)
        }
    }
}
