package import GridModel

/// What one run was given and what it used of that.
package struct UsedResources: Equatable, Sendable {
    package enum Shortage: Sendable { case memory, scratch, wall, cpu }

    package var cores: Int
    package var memory: ByteCount
    package var scratch: ByteCount
    package var swap: ByteCount
    package var wall: WallTime?
    package var cpu: WallTime?
    /// From the payload's start to its end, in seconds.
    package var elapsed: Double
    /// Of all cores together, in seconds.
    package var processor: Double
    package var peakMemory: ByteCount
    package var peakSwap: ByteCount
    /// Nil where it is not known.
    package var peakScratch: ByteCount?
    /// What it ended for want of.
    package var shortage: Shortage?

    package init(
        cores: Int, memory: ByteCount, scratch: ByteCount, swap: ByteCount, wall: WallTime?, cpu: WallTime?,
        elapsed: Double, processor: Double, peakMemory: ByteCount, peakSwap: ByteCount, peakScratch: ByteCount?,
        shortage: Shortage?
    ) {
        self.cores = cores
        self.memory = memory
        self.scratch = scratch
        self.swap = swap
        self.peakSwap = peakSwap
        self.wall = wall
        self.cpu = cpu
        self.elapsed = elapsed
        self.processor = processor
        self.peakMemory = peakMemory
        self.peakScratch = peakScratch
        self.shortage = shortage
    }

    /// Cores that were busy, on average.
    package var busyCores: Double { elapsed > 0 ? processor / elapsed : 0 }
}

/// What to ask for next time, one field.
package struct Advice: Codable, Equatable, Sendable {
    /// As in a requirement.
    package let field: String
    package let asked: String
    /// The most of all runs.
    package let used: String
    package let suggested: String
    package let reason: String

    /// From runs of the same job, the newest last; empty where there are none.
    package static func from(_ runs: [UsedResources]) -> [Advice] {
        guard let last = runs.last else { return [] }
        return [
            cores(runs, last), memory(runs, last), swap(runs, last), scratch(runs, last), wall(runs, last),
            cpu(runs, last),
        ]
        .compactMap { $0 }
    }

    private static let leastMemory = ByteCount.mebibytes(256)

    /// Beside the most that was used.
    private static let margin = 1.2

    private static func cores(_ runs: [UsedResources], _ last: UsedResources) -> Advice {
        let busy = runs.map(\.busyCores).max() ?? 0
        // A tenth of a core is the start, the end, and what others had of it.
        let suggested = max(1, Int((busy - 0.1).rounded(.up)))
        let reason =
            suggested < last.cores
            ? "the others had nothing to do"
            : "all were busy; more may make it shorter"
        return Advice(
            field: "cores", asked: "\(last.cores)", used: tenths(busy),
            suggested: "\(min(suggested, max(last.cores, 1)))",
            reason: suggested == last.cores && busy < Double(last.cores) - 0.25 ? "none was idle all the time" : reason)
    }

    private static func memory(_ runs: [UsedResources], _ last: UsedResources) -> Advice {
        let most = runs.map(\.peakMemory).max() ?? ByteCount(0)
        let lacking = runs.filter { $0.shortage == .memory }.map(\.memory).max()
        let wanted = lacking.map { Double($0.bytes) * 1.5 } ?? Double(most.bytes) * margin
        let suggested = rounded(wanted, to: 64 << 20, least: leastMemory.bytes)
        return Advice(
            field: "memory", asked: last.memory.description, used: most.rounded, suggested: suggested.description,
            reason: lacking.map { "\($0) was too little" }
                ?? (suggested == Self.leastMemory ? "the least that is advised" : "the most that was used, and a fifth")
        )
    }

    private static func swap(_ runs: [UsedResources], _ last: UsedResources) -> Advice? {
        let most = runs.map(\.peakSwap).max() ?? ByteCount(0)
        guard most.bytes > 0 else { return nil }
        return Advice(
            field: "swap", asked: last.swap.description, used: most.rounded,
            suggested: rounded(Double(most.bytes) * margin, to: 64 << 20, least: 64 << 20).description,
            reason: "the most that was used, and a fifth; as memory it would be faster")
    }

    private static func scratch(_ runs: [UsedResources], _ last: UsedResources) -> Advice? {
        guard let most = runs.compactMap(\.peakScratch).max() else { return nil }
        let lacking = runs.filter { $0.shortage == .scratch }.map(\.scratch).max()
        let wanted = lacking.map { Double($0.bytes) * 2 } ?? Double(most.bytes) * margin
        let suggested = rounded(wanted, to: 64 << 20, least: 64 << 20)
        return Advice(
            field: "scratch", asked: last.scratch.description, used: most.rounded, suggested: suggested.description,
            reason: lacking.map { "\($0) was too little" } ?? "the most that was used, and a fifth")
    }

    private static func wall(_ runs: [UsedResources], _ last: UsedResources) -> Advice {
        let longest = runs.map(\.elapsed).max() ?? 0
        let lacking = runs.filter { $0.shortage == .wall }.compactMap(\.wall).max()
        let wanted = lacking.map { Double($0.seconds) * 2 } ?? longest * 1.5
        return Advice(
            field: "wall", asked: last.wall?.description ?? "-", used: WallTime(seconds: Int64(longest)).description,
            suggested: minutes(wanted).description,
            reason: lacking.map { "\($0) was too short" } ?? "the longest run, and half of it: hosts differ in speed")
    }

    private static func cpu(_ runs: [UsedResources], _ last: UsedResources) -> Advice? {
        guard let asked = last.cpu else { return nil }
        let most = runs.map(\.processor).max() ?? 0
        let lacking = runs.filter { $0.shortage == .cpu }.compactMap(\.cpu).max()
        let wanted = lacking.map { Double($0.seconds) * 2 } ?? most * 1.5
        return Advice(
            field: "cpu", asked: asked.description, used: WallTime(seconds: Int64(most)).description,
            suggested: minutes(wanted).description,
            reason: lacking.map { "\($0) was too little" } ?? "the most that was used, and half of it")
    }

    private static func rounded(_ bytes: Double, to step: Int64, least: Int64) -> ByteCount {
        ByteCount(max(least, Int64((bytes / Double(step)).rounded(.up)) * step))
    }

    private static func minutes(_ seconds: Double) -> WallTime {
        WallTime(seconds: max(60, Int64((seconds / 60).rounded(.up)) * 60))
    }

    private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
