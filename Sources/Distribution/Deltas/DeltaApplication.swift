import Glibc
import GridModel
import ImageFormat
package import ImageStore
import Linux

/// Brings blocks by a delta blob: `DeltaCreation` says what that is. It may come from a stranger.
package struct DeltaApplication {
    private let old: any BlockReader
    private let new: SparseBlob
    private let delta: BlockDelta
    private let segments: [BlockDelta.Segment]
    /// Where files for the tool may lie.
    private let scratch: String

    /// - Parameter blocks: of a segment; another number is another format.
    package init(
        from old: any BlockReader, to new: SparseBlob, scratch: String, blocks: Int = BlockDelta.segmentBlocks
    ) {
        self.old = old
        self.new = new
        self.scratch = scratch
        delta = BlockDelta(from: old.verifier, to: new.verifier)
        segments = delta.segments(blocks: blocks)
    }

    /// Stores what the delta at `path` holds, each block when it has been verified, at all its places in the new filesystem.
    ///
    /// Refuses, with `.refused`, anything but what `write` writes: what was stored before stays, for it is right.
    package func run(_ path: String, stored: (Int) throws -> Void = { _ in }) throws {
        if segments.isEmpty { return }
        let blob = try Descriptor.openRegular(path)
        let size = try blob.size()
        let head = try blob.read(upTo: DeltaTable.size(segments: segments.count)) ?? []
        guard let table = DeltaTable(decoding: head, segments: segments.count, size: size) else {
            throw refusal("it has not the form of one between these filesystems")
        }
        let tool = try Zstandard()
        let places = BlockPlaces(new.verifier)
        try DeltaFiles.with(in: scratch) { files in
            for (segment, length) in zip(segments, table.lengths) {
                guard try files.write(delta.removed(segment), of: old, to: files.reference) else {
                    throw refusal("blocks of \(old.digest), which it begins with, are damaged or not here")
                }
                try copy(length, of: blob, to: files.frame)
                try expand(segment, files, tool, places, stored)
            }
        }
    }

    private func expand(
        _ segment: BlockDelta.Segment, _ files: DeltaFiles, _ tool: Zstandard, _ places: BlockPlaces,
        _ stored: (Int) throws -> Void
    ) throws {
        var blocks = delta.added(segment)[...]
        var rest: [UInt8] = []
        try tool.expand(files.frame, reference: segment.reference.isEmpty ? nil : files.reference) { piece in
            rest += piece
            var used = 0
            while rest.count - used >= SparseBlob.blockSize {
                guard let block = blocks.popFirst() else { throw refusal("it holds more than it should") }
                for place in places[block] {
                    let isRight = try rest.withUnsafeBytes {
                        try new.store(
                            UnsafeRawBufferPointer(rebasing: $0[used..<used + SparseBlob.blockSize]), at: place)
                    }
                    guard isRight else { throw refusal("what it gives for block \(block) is not what the tree says") }
                    try stored(place)
                }
                used += SparseBlob.blockSize
            }
            rest.removeFirst(used)
        }
        guard blocks.isEmpty, rest.isEmpty else { throw refusal("it ends before it should, or within a block") }
    }

    private func copy(_ length: Int64, of blob: Descriptor, to path: String) throws {
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
        var left = length
        while left > 0, let piece = try blob.read(upTo: Int(min(left, 1 << 20))), !piece.isEmpty {
            try file.write(piece)
            left -= Int64(piece.count)
        }
    }

    private func refusal(_ what: String) -> DistributionError {
        DistributionError(.refused, "the delta from \(old.digest.short) to \(new.digest.short) is refused: \(what)")
    }
}
