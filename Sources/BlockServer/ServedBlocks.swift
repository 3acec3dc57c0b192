package import GridModel
package import ImageStore
import Linux
import Synchronization

/// One filesystem as it is served: bytes of any range, each block of it verified, brought where it is not here.
package final class ServedBlocks: Sendable {
    private let blob: SparseBlob
    private let fill: BlockFill
    /// Told of a read that failed for good.
    private let fault: @Sendable (any Error) -> Void
    /// The first blocks that were read, in their order; nil where nobody wants to know.
    private let trace: Mutex<[Range<Int>]>?

    /// Of what one boot reads.
    private static let mostTraced = 1 << 16

    package init(
        _ blob: SparseBlob, _ fill: BlockFill, isTraced: Bool = false, fault: @escaping @Sendable (any Error) -> Void
    ) {
        self.blob = blob
        self.fill = fill
        self.fault = fault
        trace = isTraced ? Mutex([]) : nil
    }

    package var size: Int64 { blob.size }
    package var digest: Digest { blob.digest }

    /// The blocks that were read, in their order.
    package var read: [Range<Int>] { trace?.withLock { $0 } ?? [] }

    /// False where some of it is not here yet.
    func read(_ range: Range<Int64>, into buffer: UnsafeMutableRawBufferPointer) throws -> Bool {
        let blocks = Self.blocks(of: range)
        let size = Int64(SparseBlob.blockSize)
        let isRead: Bool
        if range.lowerBound % size == 0, range.upperBound % size == 0 {
            isRead = try blob.read(blocks, into: buffer)
        } else {
            let whole = UnsafeMutableRawBufferPointer.allocate(
                byteCount: blocks.count * SparseBlob.blockSize, alignment: 4096)
            defer { whole.deallocate() }
            isRead = try blob.read(blocks, into: whole)
            let start = Int(range.lowerBound) - blocks.lowerBound * SparseBlob.blockSize
            if isRead { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[start..<start + range.count])) }
        }
        if isRead { note(blocks) }
        return isRead
    }

    func demand(_ range: Range<Int64>, then completion: @escaping BlockFill.Completion) {
        fill.demand(Self.blocks(of: range), then: completion)
    }

    func failed(_ error: any Error) { fault(error) }

    private static func blocks(of range: Range<Int64>) -> Range<Int> {
        let size = Int64(SparseBlob.blockSize)
        return Int(range.lowerBound / size)..<Int((range.upperBound + size - 1) / size)
    }

    private func note(_ blocks: Range<Int>) {
        trace?.withLock { trace in
            if let last = trace.last, last.upperBound == blocks.lowerBound {
                trace[trace.count - 1] = last.lowerBound..<blocks.upperBound
            } else if trace.count < Self.mostTraced {
                trace.append(blocks)
            }
        }
    }
}
