/// How fast a server sends. Only the time in which it is waited for counts: a slow disk here is not its fault.
///
/// Times are those of the monotonic clock, from any beginning.
struct Pace: Sendable {
    enum Verdict: Error { case silent, slow }

    private let silence: Duration
    private let window: Duration
    /// What a window must bring at least.
    private let least: Double

    /// Since when the server is waited for; nil while what came is being dealt with.
    private var since: Duration?
    /// Of the current window.
    private var waited = Duration.zero
    private var bytes: Int64 = 0

    init(_ limits: TransferLimits, now: Duration) {
        silence = limits.silence
        window = limits.window
        least = Double(limits.bytesPerSecond) * (limits.window / .seconds(1))
        since = now
    }

    mutating func came(_ count: Int, at now: Duration) {
        if let since { waited += now - since }
        since = nil
        bytes += Int64(count)
    }

    mutating func waits(at now: Duration) {
        if since == nil { since = now }
    }

    /// What is wrong, if anything; to be asked several times in a window.
    mutating func verdict(at now: Duration) -> Verdict? {
        let silent = since.map { now - $0 } ?? .zero
        if silent >= silence { return .silent }
        guard waited + silent >= window else { return nil }
        if Double(bytes) < least { return .slow }
        bytes = 0
        // The silence under way began before this window: it is taken off again when it ends.
        waited = .zero - silent
        return nil
    }
}
