import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// The clients of a transport: one for each route, made when it is first taken; one thread serves them all.
final class Clients: Sendable {
    /// Connections of one kind, kept for the next request, or not.
    private struct Way: Hashable {
        let route: Route
        let isFresh: Bool
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let made = Mutex<[Way: HTTPClient]>([:])
    private let limits: TransferLimits
    private let authorities: String?

    /// - Parameter authorities: a file or directory of CA certificates in place of the system's.
    init(_ limits: TransferLimits, authorities: String?) {
        self.limits = limits
        self.authorities = authorities
    }

    /// The client for a route, and the request to give it.
    /// - Parameter isAgain: on a connection that no other request used before.
    func prepare(_ query: Query, via route: Route, isAgain: Bool) throws -> (HTTPClient, HTTPClient.Request) {
        let url =
            switch route {
            case .direct, .tunnelled: query.address.description
            case .forwarded(let proxy): "http://\(proxy.authority)\(query.address.target)"
            }
        let way = Way(route: route, isFresh: isAgain)
        let client = made.withLock { made in
            if let client = made[way] { return client }
            let client = HTTPClient(eventLoopGroup: group, configuration: configuration(way))
            made[way] = client
            return client
        }
        switch query.method {
        case .get: return (client, try HTTPClient.Request(url: url, headers: query.headers))
        case .post(let body, _):
            return (
                client,
                try HTTPClient.Request(url: url, method: .POST, headers: query.headers, body: .bytes(body))
            )
        }
    }

    func close() throws {
        let clients = made.withLock { made in
            defer { made = [:] }
            return made.values
        }
        for client in clients { try client.syncShutdown() }
        try group.syncShutdownGracefully()
    }

    private func configuration(_ way: Way) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities { tls.trustRoots = .file(authorities) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(limits.connecting)),
            // Shorter than servers keep them, so that no request goes into a connection that is being closed.
            connectionPool: .init(idleTimeout: way.isFresh ? .nanoseconds(1) : .seconds(4)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        // A refused connection is told at once; who called decides about trying again.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Callers bound how much they ask for at once; a request beyond this waits no longer than for a connection.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        switch way.route {
        case .direct: break
        case .forwarded: configuration.http1_1ConnectionDebugInitializer = AbsoluteForm.install
        case .tunnelled(let proxy): configuration.proxy = .server(host: proxy.bareHost, port: proxy.port)
        }
        return configuration
    }
}
