import Glibc
package import Linux
import Synchronization

/// Serves filesystems over NBD, each connection on a thread of its own.
package final class BlockServer: Sendable {
    private let running = Guarded([Served]())

    private struct Served {
        let connection: Connection
        let thread: WorkThread
    }

    /// What a thread serves, and whether it has done so.
    private final class Connection: Sendable {
        let socket: Descriptor
        let isOver = Mutex(false)

        init(_ socket: Descriptor) { self.socket = socket }
    }

    package init() {}

    /// Serves `blocks` to whoever holds the other end of `socket`, until that is closed.
    package func serve(_ blocks: ServedBlocks, at socket: Descriptor) throws {
        let connection = Connection(socket)
        let thread = try WorkThread {
            Self.serve(blocks, at: socket)
            shutdown(socket.raw, Int32(SHUT_RDWR))
            connection.isOver.withLock { $0 = true }
        }
        let over = running.withLock { running in
            let over = running.filter { $0.connection.isOver.withLock { $0 } }
            running.removeAll { served in over.contains { $0.connection === served.connection } }
            running.append(Served(connection: connection, thread: thread))
            return over
        }
        for served in over { served.thread.join() }
    }

    private static func serve(_ blocks: ServedBlocks, at socket: Descriptor) {
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
    }

    /// Ends all connections, whoever is writing to them or reading.
    package func close() {
        running.withLock { running in
            for served in running { shutdown(served.connection.socket.raw, Int32(SHUT_RDWR)) }
        }
    }

    /// As `close`; returns when their threads have ended. What brings blocks must have been stopped before, after `close`:
    /// it may be writing to a client that does not read.
    package func stop() {
        let all = running.withLock { running in
            defer { running = [] }
            return running
        }
        for served in all { shutdown(served.connection.socket.raw, Int32(SHUT_RDWR)) }
        for served in all { served.thread.join() }
    }
}
