/// Takes the times of a run's phases, one after the other.
struct PhaseClock {
    private(set) var phases: [MachineRecord.Phase] = []
    private var last: ContinuousClock.Instant

    init(now: ContinuousClock.Instant) { last = now }

    /// Ends the phase that ran until `now`.
    mutating func mark(_ name: String, now: ContinuousClock.Instant = .now) {
        let (seconds, attoseconds) = last.duration(to: now).components
        phases.append(.init(name: name, milliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        last = now
    }
}
