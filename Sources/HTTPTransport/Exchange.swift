import AsyncHTTPClient
import Dispatch
import NIOCore
import NIOHTTP1
import Synchronization

/// One request and its answer, handed from the client's thread to the caller's, piece by piece.
///
/// The client goes on reading only when the caller asks for the next piece, so at most one waits in memory.
final class Exchange: HTTPClientResponseDelegate {
    typealias Response = Void

    enum Event: Sendable {
        case head(HTTPResponseHead)
        case piece(ByteBuffer)
        case ended(Result<Void, any Error>)
    }

    private struct State {
        var events: [Event] = []
        /// Kept until the caller has dealt with what it was given.
        var demand: EventLoopPromise<Void>?
        var pace: Pace
    }

    private let state: Mutex<State>
    private let arrival = DispatchSemaphore(value: 0)
    private let interval: TimeAmount

    init(_ limits: TransferLimits) {
        state = Mutex(State(pace: Pace(limits, now: Self.now)))
        interval = TimeAmount(max(min(limits.silence, limits.window) / 20, .milliseconds(5)))
    }

    /// Sends the request, gives `body` the exchange, and ends it, however far it has come.
    static func with<Value>(
        _ limits: TransferLimits, on client: HTTPClient, _ request: HTTPClient.Request, deadline: NIODeadline?,
        _ body: (Exchange) throws -> Value
    ) rethrows -> Value {
        let exchange = Exchange(limits)
        let task = client.execute(request: request, delegate: exchange, deadline: deadline)
        let watch = task.eventLoop.scheduleRepeatedTask(initialDelay: exchange.interval, delay: exchange.interval) {
            _ in
            if let verdict = exchange.state.withLock({ $0.pace.verdict(at: now) }) { task.fail(reason: verdict) }
        }
        task.futureResult.whenComplete { result in
            watch.cancel()
            exchange.put(.ended(result))
        }
        defer {
            task.cancel()
            exchange.drain()
        }
        return try body(exchange)
    }

    /// The clock of the client's own timers, which nobody sets.
    private static var now: Duration { .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)) }

    /// Blocks until something comes; after `ended` nothing does.
    func next() -> Event {
        let demand = state.withLock { state in
            state.pace.waits(at: Self.now)
            defer { state.demand = nil }
            return state.demand
        }
        demand?.succeed()
        arrival.wait()
        let event = state.withLock { $0.events.removeFirst() }
        // For `drain`, which may come after the caller has seen the end.
        if case .ended = event { put(event) }
        return event
    }

    private func drain() {
        while true {
            if case .ended = next() { return }
        }
    }

    private func put(_ event: Event) {
        state.withLock { $0.events.append(event) }
        arrival.signal()
    }

    private func hand(_ event: Event, bytes: Int, to loop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        state.withLock { state in
            state.pace.came(bytes, at: Self.now)
            state.demand = promise
        }
        put(event)
        return promise.futureResult
    }

    // MARK: The client's side

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        hand(.head(head), bytes: 0, to: task.eventLoop)
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        hand(.piece(buffer), bytes: buffer.readableBytes, to: task.eventLoop)
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) {}
}
