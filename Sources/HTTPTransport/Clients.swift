import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// The clients of a transport: one for each route, made when it is first taken; one thread serves them all.
final class Clients: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let made = Mutex<[Route: HTTPClient]>([:])
    private let limits: TransferLimits
    private let authorities: String?

    /// - Parameter authorities: a file or directory of CA certificates in place of the system's.
    init(_ limits: TransferLimits, authorities: String?) {
        self.limits = limits
        self.authorities = authorities
    }

    /// The client for a route, and the request to give it.
    func prepare(_ address: HTTPAddress, via route: Route, from offset: Int64) throws -> (
        HTTPClient, HTTPClient.Request
    ) {
        var headers: HTTPHeaders = [
            "Host": address.authority, "User-Agent": "sojourn", "Accept": "*/*", "Accept-Encoding": "identity",
        ]
        if offset > 0 { headers.add(name: "Range", value: "bytes=\(offset)-") }
        let url =
            switch route {
            case .direct, .tunnelled: address.description
            case .forwarded(let proxy): "http://\(proxy.authority)\(address.target)"
            }
        let client = made.withLock { made in
            if let client = made[route] { return client }
            let client = HTTPClient(eventLoopGroup: group, configuration: configuration(route))
            made[route] = client
            return client
        }
        return (client, try HTTPClient.Request(url: url, headers: headers))
    }

    func close() throws {
        let clients = made.withLock { made in
            defer { made = [:] }
            return made.values
        }
        for client in clients { try client.syncShutdown() }
        try group.syncShutdownGracefully()
    }

    private func configuration(_ route: Route) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities { tls.trustRoots = .file(authorities) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(limits.connecting)),
            // Shorter than servers keep them, so that no request goes into a connection that is being closed.
            connectionPool: .init(idleTimeout: .seconds(4)), decompression: .disabled)
        configuration.httpVersion = .http1Only
        // A refused connection is told at once; who called decides about trying again.
        configuration.connectionPool.retryConnectionEstablishment = false
        switch route {
        case .direct: break
        case .forwarded: configuration.http1_1ConnectionDebugInitializer = AbsoluteForm.install
        case .tunnelled(let proxy): configuration.proxy = .server(host: proxy.bareHost, port: proxy.port)
        }
        return configuration
    }
}
