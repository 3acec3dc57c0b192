import GuestProtocol
import Linux

/// What the payload uses, looked at several times a second: the kernel keeps no peak of memory without page cache.
struct PayloadUsage {
    static let interval = Duration.milliseconds(200)
    /// What a payload may hold above its limit before it has to go: where the limit is small, the kernel's own (which
    /// counts page cache too, and therefore leaves room for it) comes later.
    private static let toleranceShare: UInt64 = 32

    private(set) var peakMemory: UInt64 = 0
    private(set) var peakSwap: UInt64 = 0
    private(set) var peakScratch: UInt64 = 0
    private let emptyScratch: Int64

    /// Of the scratch disk as nobody has written to it.
    init() throws { emptyScratch = try Files.usedSpace("/") }

    mutating func look(at group: PayloadGroup) throws {
        let now = try group.holding()
        peakMemory = max(peakMemory, now.memory)
        peakSwap = max(peakSwap, now.swap)
        lookAtScratch()
    }

    mutating func lookAtScratch() {
        guard let used = try? Files.usedSpace("/") else { return }
        peakScratch = max(peakScratch, UInt64(max(0, used - emptyScratch)))
    }

    /// More than the limits allow, now.
    func isTooMuch(_ group: PayloadGroup, memory: UInt64, swap: UInt64) throws -> Bool {
        guard memory > 0, peakMemory + peakSwap > memory + swap else { return false }
        let now = try group.holding()
        return now.memory + now.swap > memory + swap + memory / Self.toleranceShare
    }

    func write(to end: inout GuestMessage.PayloadEnd) {
        end.peakMemoryBytes = peakMemory
        end.peakSwapBytes = peakSwap
        end.peakScratchBytes = peakScratch
    }
}
