import Linux
import NIOCore
import NIOHTTP1
import NIOPosix

/// A server of files and small documents over HTTP/1.1.
///
/// It reads one request of a connection at a time, bounds everything that a client may send or leave undone, and knows
/// nothing of what it serves: each request is given to a function, on a thread that may block.
package final class HTTPServer: Sendable {
    /// Answers a request. An error is told to the client as 500, and to `log` as that status.
    package typealias Answer = @Sendable (ServerRequest) throws -> ServerReply

    /// Where it listens in fact.
    package let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let pool: NIOThreadPool
    private let listener: any Channel
    private let connections = Connections()

    /// Begins to serve.
    /// - Parameters:
    ///   - host: an address of this host, or 0.0.0.0 or :: for all.
    ///   - port: 0 for a free one.
    ///   - log: told of each answer, on a thread of the server; must not block.
    package init(
        host: String, port: Int, limits: ServerLimits = ServerLimits(),
        log: @escaping @Sendable (AccessRecord) -> Void = { _ in }, answer: @escaping Answer
    ) throws {
        let cores = max(1, min(4, Host.cores))
        group = MultiThreadedEventLoopGroup(numberOfThreads: cores)
        pool = NIOThreadPool(numberOfThreads: 2 * cores)
        pool.start()
        let service = Service(
            limits: limits, admission: Admission(limits, now: Service.now), pool: pool, log: log, answer: answer)
        let connections = connections
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.add(channel)
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withEncoderConfiguration: .init(),
                        withDecoderLimitConfiguration: service.decoding)
                    try channel.pipeline.syncOperations.addHandler(Connection(service))
                }
            }
        do {
            listener = try bootstrap.bind(host: host, port: port).wait()
        } catch {
            try pool.syncShutdownGracefully()
            try group.syncShutdownGracefully()
            throw HTTPServerError(
                .address,
                "cannot listen at \(host) port \(port); look whether the address is this host's and the port free",
                underlying: error)
        }
        self.port = listener.localAddress?.port ?? port
    }

    /// Takes no more connections, lets answers under way finish, and ends; after `grace` it cuts them off. To be called
    /// once.
    package func stop(grace: Duration = .seconds(10)) throws {
        do { try listener.close().wait() } catch ChannelError.alreadyClosed {}
        connections.end(grace: TimeAmount(grace), on: group.next())
        try pool.syncShutdownGracefully()
        try group.syncShutdownGracefully()
    }
}

/// What all connections of a server share.
struct Service: Sendable {
    let limits: ServerLimits
    let admission: Admission
    let pool: NIOThreadPool
    let log: @Sendable (AccessRecord) -> Void
    let answer: HTTPServer.Answer

    /// The clock of timers, which nobody sets.
    static var now: Duration { .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)) }

    var decoding: NIOHTTPDecoderLimitConfiguration {
        var configuration = NIOHTTPDecoderLimitConfiguration()
        configuration.maxHeaderFieldSize = limits.headerBytes
        configuration.maxHeaderListSize = limits.headerBytes
        configuration.maxHeaderFieldCount = 100
        return configuration
    }
}
