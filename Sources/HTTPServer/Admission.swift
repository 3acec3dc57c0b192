import Synchronization

/// Who may connect, and how fast each may be served: all connections of a server share one.
final class Admission: Sendable {
    enum Verdict: Equatable { case admitted, busy, refused }

    private struct Client {
        var connections = 0
        var bucket: TokenBucket?
    }

    private struct State {
        var connections = 0
        var clients: [String: Client] = [:]
        var bucket: TokenBucket?
    }

    private let limits: ServerLimits
    private let state: Mutex<State>

    init(_ limits: ServerLimits, now: Duration) {
        self.limits = limits
        state = Mutex(State(bucket: limits.bytesPerSecond.map { TokenBucket(bytesPerSecond: $0, now: now) }))
    }

    /// To be followed by `leave`, unless refused. Who is busy's guest is told so, and goes.
    func enter(_ client: String, now: Duration) -> Verdict {
        state.withLock { state in
            // Beyond that there is not even an answer: those that are told to come later take room too.
            guard state.connections < 2 * limits.connections else { return .refused }
            var known =
                state.clients[client]
                ?? Client(bucket: limits.bytesPerSecondPerClient.map { TokenBucket(bytesPerSecond: $0, now: now) })
            guard known.connections < 2 * limits.connectionsPerClient else { return .refused }
            state.connections += 1
            known.connections += 1
            state.clients[client] = known
            let isMany = state.connections > limits.connections || known.connections > limits.connectionsPerClient
            return isMany ? .busy : .admitted
        }
    }

    func leave(_ client: String) {
        state.withLock { state in
            state.connections -= 1
            state.clients[client]?.connections -= 1
            if state.clients[client]?.connections == 0 { state.clients[client] = nil }
        }
    }

    /// How long to wait before these bytes may go to a client; nil, and nothing is counted, where that is too long.
    func take(_ bytes: Int, for client: String, now: Duration) -> Duration? {
        state.withLock { state in
            var (own, all) = (Duration.zero, Duration.zero)
            if state.clients[client]?.bucket != nil {
                guard let wait = state.clients[client]?.bucket?.take(bytes, at: now) else { return nil }
                own = wait
            }
            if state.bucket != nil {
                guard let wait = state.bucket?.take(bytes, at: now) else {
                    state.clients[client]?.bucket?.giveBack(bytes)
                    return nil
                }
                all = wait
            }
            return max(own, all)
        }
    }

    /// What was taken for a client that went before it was sent.
    func giveBack(_ bytes: Int, of client: String) {
        state.withLock { state in
            state.clients[client]?.bucket?.giveBack(bytes)
            state.bucket?.giveBack(bytes)
        }
    }

    /// How much goes at once: large, but a quarter of a second's worth at most.
    var pieceBytes: Int {
        let rate = [limits.bytesPerSecond, limits.bytesPerSecondPerClient].compactMap { $0 }.min() ?? .max
        return Int(max(4096, min(256 << 10, rate / 4)))
    }
}
