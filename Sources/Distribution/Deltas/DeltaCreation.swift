import Glibc
import ImageFormat
import Linux

/// Makes delta blobs, `application/vnd.sojourn.delta.v1+zstd`: what is new in a filesystem, compressed with what it took the
/// place of as reference. `BlockDelta` says which blocks these are.
package struct DeltaCreation {
    private let old: any BlockReader
    private let new: any BlockReader
    private let delta: BlockDelta
    private let segments: [BlockDelta.Segment]
    /// Where files for the tool may lie.
    private let scratch: String

    /// - Parameter blocks: of a segment; another number is another format.
    package init(
        from old: any BlockReader, to new: any BlockReader, scratch: String, blocks: Int = BlockDelta.segmentBlocks
    ) {
        self.old = old
        self.new = new
        self.scratch = scratch
        delta = BlockDelta(from: old.verifier, to: new.verifier)
        segments = delta.segments(blocks: blocks)
    }

    /// Bytes of blocks that are new: what it is made of.
    package var content: Int64 { delta.addedBytes }

    /// Writes the delta to `path`, on the filesystem of `scratch`. The old filesystem's removed blocks must be here, and the
    /// new one's added ones.
    ///
    /// - Parameter isWorthIt: asked after each part, with the bytes that were made so far, and of how many.
    /// - Returns: its size; nil, and no file, where nothing is new or it is not worth it.
    package func write(
        to path: String, while isWorthIt: (_ made: Int64, _ content: Int64) -> Bool = { _, _ in true },
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> Int64? {
        if segments.isEmpty { return nil }
        let tool = try Zstandard()
        return try DeltaFiles.with(in: scratch) { files in
            var lengths: [Int64] = []
            var content: Int64 = 0
            for (index, segment) in segments.enumerated() {
                progress(index, segments.count)
                guard try files.write(delta.removed(segment), of: old, to: files.reference),
                    try files.write(delta.added(segment), of: new, to: files.content)
                else {
                    throw DistributionError(
                        .unavailable, "blocks of \(old.digest) or \(new.digest) are damaged or not here")
                }
                let frame = "\(files.frame)-\(index)"
                try tool.compress(
                    files.content, reference: segment.reference.isEmpty ? nil : files.reference, to: frame)
                lengths.append(try Files.size(frame))
                content += try Files.size(files.content)
                guard isWorthIt(lengths.reduce(0, +), content) else { return nil }
            }
            return try join(lengths, files, to: path)
        }
    }

    private func join(_ lengths: [Int64], _ files: DeltaFiles, to path: String) throws -> Int64 {
        let whole = try Descriptor.open(files.content, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
        try whole.write(DeltaTable(lengths: lengths).encoded)
        for index in lengths.indices {
            let frame = try Descriptor.openRegular("\(files.frame)-\(index)")
            while let piece = try frame.read(upTo: 1 << 20), !piece.isEmpty { try whole.write(piece) }
        }
        let size = try whole.size()
        try Files.rename(files.content, to: path)
        return size
    }
}

extension BlockDelta {
    func added(_ segment: Segment) -> [Int] { Array(added[segment.added]) }
    func removed(_ segment: Segment) -> [Int] { Array(removed[segment.reference]) }
}
