import Glibc
package import Linux

/// Serves filesystems over NBD, each connection on a thread of its own.
package final class BlockServer: Sendable {
    private let running = Guarded([Served]())

    private struct Served {
        let socket: Descriptor
        let thread: WorkThread
    }

    package init() {}

    /// Serves `blocks` to whoever holds the other end of `socket`, until that is closed.
    package func serve(_ blocks: ServedBlocks, at socket: Descriptor) throws {
        let thread = try WorkThread {
            do {
                var handshake = NBDHandshake(socket, size: blocks.size)
                guard try handshake.run() else { return }
                try BlockConnection(socket, blocks, isStructured: handshake.hasStructuredReplies).run()
            } catch let error as BlockServerError where error.code == .badClient {
                // Who breaks the protocol is left.
            } catch let error as SystemError where error.isBrokenPipe {
                // Gone.
            } catch {
                blocks.failed(error)
            }
            shutdown(socket.raw, Int32(SHUT_RDWR))
        }
        running.withLock { $0.append(Served(socket: socket, thread: thread)) }
    }

    /// Ends all connections; returns when their threads have ended. What brings blocks must have been stopped before.
    package func stop() {
        let all = running.withLock { running in
            defer { running = [] }
            return running
        }
        for served in all { shutdown(served.socket.raw, Int32(SHUT_RDWR)) }
        for served in all { served.thread.join() }
    }
}
