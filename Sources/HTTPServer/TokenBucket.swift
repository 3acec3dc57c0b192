/// A rate of bytes that is kept on average: what is taken in advance is waited for.
///
/// Times are those of the monotonic clock, from any beginning.
struct TokenBucket: Sendable {
    private let rate: Double
    /// What may be saved up while nothing is taken.
    private let depth: Double
    private var level: Double
    private var last: Duration

    init(bytesPerSecond: Int64, now: Duration) {
        rate = Double(max(1, bytesPerSecond))
        depth = rate / 4
        level = depth
        last = now
    }

    /// How long to wait before these bytes may go; they are counted as gone. Nil, and nothing is counted, where that would
    /// be longer than `most`: who waits so long has gone meanwhile, and what was counted for it would keep others waiting.
    mutating func take(_ bytes: Int, at now: Duration, most: Duration = .seconds(15)) -> Duration? {
        level = min(depth, level + max(0, (now - last) / .seconds(1)) * rate)
        last = max(last, now)
        let wait = level >= 0 ? 0 : -level / rate
        if wait > most / .seconds(1) { return nil }
        level -= Double(bytes)
        return .seconds(wait)
    }

    /// What was taken and did not go.
    mutating func giveBack(_ bytes: Int) { level = min(depth, level + Double(bytes)) }
}
