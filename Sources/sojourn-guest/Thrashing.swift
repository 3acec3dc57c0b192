import Linux

/// Finds out that a payload at its limit gets nowhere: its own memory leaves no room for the files that it runs from,
/// which are dropped and fetched again without end.
///
/// The kernel's own killer then never acts, since it always finds a page of a file to drop (seen with Linux 6.1, once in
/// some twenty payloads that ran out of memory). The time lost (psi) does not tell where a processor is emulated.
struct Thrashing {
    /// Pages a second that had been dropped shortly before (`workingset_refault_file`).
    private static let hopelessRate = 1000.0
    /// Looks in a row, one at each heartbeat.
    private static let patience = 6
    /// What files have at least: a twentieth of the limit.
    private static let roomShare: UInt64 = 20

    private var looks = 0
    private var last: (refaults: UInt64, time: ContinuousClock.Instant)?

    /// True when the payload has to go. `group` tells the figures as they are now.
    mutating func isHopeless(_ group: PayloadGroup, now: ContinuousClock.Instant = .now) throws -> Bool {
        let figures = try group.memory()
        defer { last = (figures.refaults, now) }
        guard let last, figures.own > figures.limit - min(figures.limit, figures.limit / Self.roomShare) else {
            looks = 0
            return false
        }
        let rate = Double(figures.refaults &- last.refaults) / (last.time.duration(to: now) / .seconds(1))
        looks = rate >= Self.hopelessRate ? looks + 1 : 0
        return looks >= Self.patience
    }
}
