/// Takes the times of a run's phases, one after the other.
struct PhaseClock {
    private(set) var phases: [MachineRecord.Phase] = []
    private var last: ContinuousClock.Instant

    init(now: ContinuousClock.Instant) { last = now }

    /// Ends the phase that ran until `now`; `host` is what the machine's processes used in it.
    mutating func mark(
        _ name: String, host: MachineRecord.HostUsage? = nil, now: ContinuousClock.Instant = .now
    ) {
        let (seconds, attoseconds) = last.duration(to: now).components
        var phase = MachineRecord.Phase(
            name: name, milliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        phase.host = host
        phases.append(phase)
        last = now
    }
}
