import NIOCore
import Synchronization

/// The connections of a server that are open.
final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isEnding = false
    }

    /// Sent to each: answer what is under way, and go.
    struct Ending: Sendable {}

    private let state = Mutex(State())

    func add(_ channel: any Channel) {
        let isEnding = state.withLock { state in
            state.open[ObjectIdentifier(channel)] = channel
            return state.isEnding
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(channel)) }
        }
        if isEnding { channel.close(promise: nil) }
    }

    /// Returns when all are closed.
    func end(grace: TimeAmount, on loop: any EventLoop) {
        let open = state.withLock { state in
            state.isEnding = true
            return Array(state.open.values)
        }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(Ending()) }
        let cut = loop.scheduleTask(in: grace) { for channel in open { channel.close(promise: nil) } }
        let closed = EventLoopFuture.andAllComplete(open.map(\.closeFuture), on: loop)
        do { try closed.wait() } catch { preconditionFailure("the end of a connection never fails: \(error)") }
        cut.cancel()
    }
}
