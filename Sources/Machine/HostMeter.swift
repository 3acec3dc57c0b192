import GridModel
import Linux
import QEMU

/// Counts from outside what a machine's processes use: QEMU and the servers of its shared directories.
///
/// Processor time and the servers' bytes are the kernel's counts and right to the last, as long as a process is sampled
/// before it is reaped. Bytes of disks are QEMU's own. Memory is what was seen at a sample, or QEMU's highest.
struct HostMeter {
    /// As far as it is known; only grows.
    private(set) var usage = MachineRecord.HostUsage()
    /// When it is to be sampled at the latest.
    private(set) var nextSample = ContinuousClock.now
    /// QEMU's alone, since the payload's start.
    var payloadTime: Duration { .milliseconds(qemu.processor - payloadStart) }

    /// One child of the supervisor, with all below it.
    private struct Part {
        var pid: Int32 = 0
        var processor: Int64 = 0
        var read: Int64 = 0
        var written: Int64 = 0
    }

    private var qemu = Part()
    private var servers: [Part] = []
    private var disks = Monitor.BlockStatistics()
    /// Of QEMU, the most so far: program code and libraries.
    private var qemuFiles: Int64 = 0
    private var payloadStart: Int64 = 0
    private var marked = MachineRecord.HostUsage()

    var isFollowing: Bool { qemu.pid != 0 }

    mutating func follow(qemu: Int32, servers: [Int32]) {
        self.qemu.pid = qemu
        self.servers = servers.map { Part(pid: $0) }
    }

    mutating func take(_ statistics: Monitor.BlockStatistics) { disks = statistics }

    mutating func payloadStarts() { payloadStart = qemu.processor }

    mutating func sample(now: ContinuousClock.Instant) {
        nextSample = now.advanced(by: .milliseconds(500))
        guard isFollowing else { return }
        var memory: Int64 = 0
        if let process = ProcessUsage(of: qemu.pid) {
            qemu.processor = max(qemu.processor, process.processorMilliseconds)
            qemuFiles = max(qemuFiles, process.fileBacked)
            memory = process.anonymous + max(process.shared, 0) + process.huge
            // Also what was there between two samples only.
            memory = max(memory, process.peak - qemuFiles + process.huge)
        }
        for index in servers.indices { memory = Self.sum([memory, Self.sample(&servers[index])]) }
        let parts = [qemu] + servers
        usage.processorMilliseconds = Self.sum(parts.map(\.processor))
        usage.readBytes = Self.sum([disks.readBytes] + parts.map(\.read))
        usage.writtenBytes = Self.sum([disks.writtenBytes] + parts.map(\.written))
        usage.peakMemory = ByteCount(max(usage.peakMemory.bytes, memory))
    }

    /// Of what others count: as much as can be told, where it is more.
    static func sum(_ counts: [Int64]) -> Int64 {
        counts.reduce(0) { sum, count in
            let (total, overflows) = sum.addingReportingOverflow(max(0, count))
            return overflows ? .max : total
        }
    }

    /// Returns its anonymous memory. What it shares is the machine's memory, which is QEMU's too and counts there.
    private static func sample(_ part: inout Part) -> Int64 {
        // virtiofsd serves from a child in namespaces of its own; whoever has ended counts as its parent's.
        guard let root = ProcessUsage(of: part.pid) else { return 0 }
        let below = descendants(of: part.pid).compactMap(ProcessUsage.init(of:))
        let all = [root] + below
        func sum(_ amount: (ProcessUsage) -> Int64) -> Int64 { Self.sum(all.map(amount)) }
        part.processor = max(part.processor, sum { $0.processorMilliseconds &+ $0.childrenMilliseconds })
        part.read = max(part.read, sum(\.readBytes))
        part.written = max(part.written, sum(\.writtenBytes))
        return sum(\.anonymous)
    }

    private static func descendants(of pid: Int32, depth: Int = 0) -> [Int32] {
        guard depth < 4 else { return [] }
        return ProcessUsage.children(of: pid).flatMap { [$0] + descendants(of: $0, depth: depth + 1) }
    }

    /// What was used since the last call; the peak is that of the whole run so far. Nil before QEMU runs.
    mutating func endPhase() -> MachineRecord.HostUsage? {
        guard isFollowing else { return nil }
        var phase = usage
        phase.processorMilliseconds -= marked.processorMilliseconds
        phase.readBytes -= marked.readBytes
        phase.writtenBytes -= marked.writtenBytes
        marked = usage
        return phase
    }
}
