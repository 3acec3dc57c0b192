import GridModel
import Machine
import Policy

/// What a run was given and used, for one line and for advice.
struct AskedAndUsed {
    private let record: MachineRecord
    let resources: UsedResources

    /// Nil where no payload ended: nothing is known of its use.
    init?(_ record: MachineRecord) {
        guard let usage = record.usage else { return nil }
        self.record = record
        let elapsed = record.phases.filter { $0.name == "run" }.reduce(0) { $0 + $1.milliseconds }
        let shortage: UsedResources.Shortage? =
            switch record.outcome.kind {
            case .outOfMemory: .memory
            case .scratchFull: .scratch
            case .wallTime: .wall
            case .cpuTime: .cpu
            default: nil
            }
        resources = UsedResources(
            cores: record.cores, memory: record.memory, scratch: record.scratch,
            swap: record.swap ?? ByteCount(0), wall: record.wall, cpu: record.cpu,
            elapsed: Double(elapsed) / 1000,
            processor: Double(usage.userMilliseconds + usage.systemMilliseconds) / 1000, peakMemory: usage.peakMemory,
            peakSwap: usage.peakSwap ?? ByteCount(0),
            peakScratch: usage.peakScratch, shortage: shortage)
    }

    /// `cores 2 / 1.9, memory 2GiB / 612 MiB, scratch 10GiB / 1.2 GiB, wall 1h / 4m10s`.
    var line: String {
        var parts = [
            "cores \(resources.cores) / \((resources.busyCores * 100).rounded() / 100)",
            "memory \(resources.memory) / \(resources.peakMemory.rounded)",
        ]
        if resources.swap.bytes > 0 { parts.append("swap \(resources.swap) / \(resources.peakSwap.rounded)") }
        if let scratch = resources.peakScratch { parts.append("scratch \(resources.scratch) / \(scratch.rounded)") }
        let elapsed = Self.time(resources.elapsed)
        parts.append("wall \(resources.wall?.description ?? "-") / \(elapsed)")
        if let cpu = resources.cpu { parts.append("cpu \(cpu) / \(Self.time(resources.processor))") }
        return parts.joined(separator: ", ")
    }

    private static func time(_ seconds: Double) -> String {
        seconds < 60 ? "\((seconds * 10).rounded() / 10)s" : WallTime(seconds: Int64(seconds.rounded())).description
    }
}
