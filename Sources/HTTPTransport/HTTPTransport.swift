import AsyncHTTPClient
import NIOCore

/// Fetches files over http and https: the program's only HTTP client.
///
/// Every call blocks its thread until it is done; all time limits are on the monotonic clock. What arrives is
/// untrusted: whoever calls verifies it. Several threads may share one transport.
package final class HTTPTransport: Sendable {
    private let limits: TransferLimits
    private let proxies: Proxies
    private let clients: Clients

    /// - Parameter environment: `http_proxy`, `https_proxy` and `no_proxy` name proxies, and `SSL_CERT_FILE` the
    ///   authorities that vouch for servers, in place of the system's (OpenSSL's variable).
    package init(limits: TransferLimits = TransferLimits(), environment: [String: String]) {
        self.limits = limits
        proxies = Proxies(environment: environment)
        clients = Clients(limits, authorities: environment["SSL_CERT_FILE"].flatMap { $0.isEmpty ? nil : $0 })
    }

    /// Gives `body` a transport, and closes it.
    package static func with<Value>(
        limits: TransferLimits = TransferLimits(), environment: [String: String],
        _ body: (HTTPTransport) throws -> Value
    ) throws -> Value {
        let transport = HTTPTransport(limits: limits, environment: environment)
        let result = Result { try body(transport) }
        try transport.close()
        return try result.get()
    }

    /// Ends its connections and its thread; to be called once, when nothing is being fetched.
    package func close() throws { try clients.close() }

    /// A whole file in memory.
    /// - Parameters:
    ///   - limit: how many bytes it may have; more is `.tooLong`.
    ///   - deadline: when it must be there, redirects included.
    package func read(_ url: String, limit: Int, within deadline: Duration = .seconds(60)) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try download(url, limit: Int64(limit), within: deadline) { bytes += $0 }
        return bytes
    }

    /// A file as it comes, and perhaps what is missing of it.
    ///
    /// The server is read no faster than `sink` takes: one piece waits in memory. An error of `start` or `sink` ends
    /// the download and is thrown as it is.
    /// - Parameters:
    ///   - offset: how much of the file is here already; what follows is asked for.
    ///   - limit: how many bytes the whole file may have, those before `offset` included; more is `.tooLong`.
    ///   - deadline: when it must be there; nil leaves it to the lowest rate.
    ///   - start: called once before the first piece, with the place in the file where that belongs: `offset`, or 0
    ///     where the server begins anew and what is here must be dropped.
    ///   - sink: takes the pieces in their order.
    /// - Returns: how many bytes the whole file has.
    @discardableResult
    package func download(
        _ url: String, from offset: Int64 = 0, limit: Int64, within deadline: Duration? = nil,
        start: (Int64) throws -> Void = { _ in }, sink: ([UInt8]) throws -> Void
    ) throws -> Int64 {
        precondition(offset >= 0 && limit >= 0, "offset and limit are counts of bytes")
        let time = deadline.map { NIODeadline.now() + TimeAmount($0) }
        var visited = [try HTTPAddress(url)]
        var offset = offset
        while true {
            let address = visited[visited.count - 1]
            let (client, request) = try clients.prepare(address, via: proxies.route(to: address), from: offset)
            let answer = try Exchange.with(limits, on: client, request, deadline: time) { exchange in
                try Transfer(exchange, address, limits, limit: limit, deadline: deadline)
                    .run(from: offset, start: start, sink: sink)
            }
            switch answer {
            case .complete(let bytes): return bytes
            case .rangeBeyondEnd: offset = 0
            case .redirect(let location): visited.append(try next(after: visited, location))
            }
        }
    }

    /// Where a redirect leads, if we go there.
    private func next(after visited: [HTTPAddress], _ location: String) throws -> HTTPAddress {
        let (first, last) = (visited[0], visited[visited.count - 1])
        func refusal(_ reason: String, _ error: (any Error)? = nil) -> HTTPTransportError {
            first.failure(.redirected, "\(reason); use the address where the file is", underlying: error)
        }
        let next: HTTPAddress
        do { next = try last.following(location) } catch let error as HTTPTransportError {
            throw refusal("it is redirected to where we do not go", error)
        }
        guard visited.count <= limits.redirects else { throw refusal("more than \(limits.redirects) redirects") }
        guard !visited.contains(next) else { throw refusal("its redirects lead back to \(next)") }
        guard last.scheme == .http || next.scheme == .https else {
            throw refusal("it is redirected from https to \(next), where anybody on the way could change it")
        }
        return next
    }
}
