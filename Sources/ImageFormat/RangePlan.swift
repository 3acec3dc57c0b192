/// What missing blocks of a filesystem are asked for by: the same where it is predicted and where it is done.
package struct RangePlan: Equatable, Sendable {
    /// Blocks, in their order, none twice.
    package let requests: [Range<Int>]

    /// Blocks that are here and fetched all the same where they lie between two that are not: a request costs a server and a
    /// line more than 8 KiB.
    package static let bridge = 2
    /// Blocks of a request: 8 MiB. What is lost when a line breaks, and what one connection is busy with.
    package static let most = 2048

    /// `missing`: runs of blocks in their order. A request begins and ends with a missing block, so that what is missing in it
    /// is planned the same again.
    package init(missing: [Range<Int>], bridge: Int = RangePlan.bridge, most: Int = RangePlan.most) {
        precondition(bridge >= 0 && most > 0, "a request has blocks")
        var requests: [Range<Int>] = []
        for run in missing {
            for start in stride(from: run.lowerBound, to: run.upperBound, by: most) {
                let piece = start..<min(start + most, run.upperBound)
                if let last = requests.last, piece.lowerBound - last.upperBound <= bridge,
                    piece.upperBound - last.lowerBound <= most
                {
                    requests[requests.count - 1] = last.lowerBound..<piece.upperBound
                } else {
                    requests.append(piece)
                }
            }
        }
        self.requests = requests
    }

    /// Single blocks, in their order.
    package init(missing blocks: [Int]) { self.init(missing: blocks.map { $0..<$0 + 1 }) }

    package var blocks: Int { requests.reduce(0) { $0 + $1.count } }
    package var bytes: Int64 { Int64(blocks * VerityFormat.blockSize) }

    /// Where a request's blocks lie in the file.
    package static func bytes(of blocks: Range<Int>) -> Range<Int64> {
        Int64(blocks.lowerBound * VerityFormat.blockSize)..<Int64(blocks.upperBound * VerityFormat.blockSize)
    }
}
