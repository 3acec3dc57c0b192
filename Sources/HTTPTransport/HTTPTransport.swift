import AsyncHTTPClient
import NIOCore

/// Fetches files over http and https: the program's only HTTP client.
///
/// Every call blocks its thread until it is done; all time limits are on the monotonic clock. What arrives is
/// untrusted: whoever calls verifies it. Several threads may share one transport.
package final class HTTPTransport: Sendable {
    let limits: TransferLimits
    let proxies: Proxies
    let clients: Clients

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
    ///   - isNear: a host of this site, which is asked without proxies and may not redirect.
    ///   - start: called once before the first piece, with the place in the file where that belongs: `offset`, or 0
    ///     where the server begins anew and what is here must be dropped.
    ///   - sink: takes the pieces in their order.
    /// - Returns: how many bytes the whole file has.
    @discardableResult
    package func download(
        _ url: String, from offset: Int64 = 0, limit: Int64, within deadline: Duration? = nil,
        isNear: Bool = false, start: (Int64) throws -> Void = { _ in }, sink: ([UInt8]) throws -> Void
    ) throws -> Int64 {
        precondition(offset >= 0 && limit >= 0, "offset and limit are counts of bytes")
        let time = Deadline(deadline)
        let sink = { (buffer: ByteBuffer) in try sink(Array(buffer.readableBytesView)) }
        if offset > 0 {
            let outcome = try fetch(
                url, .from(offset), limit: limit, time, isNear: isNear, start: start, sink: sink)
            if case .complete(let bytes) = outcome { return bytes }
        }
        let outcome = try fetch(url, .whole, limit: limit, time, isNear: isNear, start: start, sink: sink)
        guard case .complete(let bytes) = outcome else {
            preconditionFailure("no range was asked for")
        }
        return bytes
    }

    /// Exactly these bytes of a file, as they come.
    ///
    /// A server that would send the whole file is cut off: `.noRanges`. One whose file ends before is `.malformed`, for
    /// whoever asks knows how long the file is. Many threads may call at once; connections are kept and used again.
    /// - Parameters:
    ///   - deadline: when they must be there; nil leaves it to the lowest rate.
    ///   - isNear: a host of this site, which is asked without the proxies that the environment names. It may not redirect:
    ///     whoever announced it could have others ask any address.
    ///   - sink: takes the pieces in their order. Its error ends the transfer and is thrown as it is.
    package func read(
        _ url: String, range: Range<Int64>, within deadline: Duration? = nil, isNear: Bool = false,
        sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        precondition(range.lowerBound >= 0 && !range.isEmpty, "a range of a file, with something in it")
        let outcome = try fetch(
            url, .exactly(range), limit: range.upperBound, Deadline(deadline), isNear: isNear, start: { _ in },
            sink: { try $0.withUnsafeReadableBytes(sink) })
        if case .rangeBeyondEnd = outcome {
            throw try HTTPAddress(url).failure(
                .malformed, "the server's file ends before byte \(range.upperBound - 1); \(Remedy.server)")
        }
    }

    /// Sends a few bytes and returns the answer's. No redirect is followed, and nothing is sent twice.
    /// - Parameter limit: how many bytes the answer may have; more is `.tooLong`.
    @discardableResult
    package func post(
        _ url: String, body: [UInt8], contentType: String, limit: Int = 1 << 16,
        within deadline: Duration = .seconds(30)
    ) throws -> [UInt8] {
        let query = Query(address: try HTTPAddress(url), method: .post(body: body, contentType: contentType))
        var bytes: [UInt8] = []
        let outcome = try exchange(
            query, limit: Int64(limit), Deadline(deadline), start: { _ in }, sink: { bytes += $0.readableBytesView })
        switch outcome {
        case .complete: return bytes
        case .closed(let error): throw error
        case .redirect, .rangeBeyondEnd:
            throw query.address.failure(.redirected, "it is redirected; use the address where it leads")
        }
    }

    /// When a call must be done, as its caller said it and as a moment.
    private struct Deadline {
        let duration: Duration?
        let moment: NIODeadline?

        init(_ duration: Duration?) {
            self.duration = duration
            moment = duration.map { NIODeadline.now() + TimeAmount($0) }
        }
    }

    /// Follows redirects to a file, or to the answer that it has no such range.
    private func fetch(
        _ url: String, _ portion: Query.Portion, limit: Int64, _ deadline: Deadline, isNear: Bool = false,
        start: (Int64) throws -> Void, sink: (ByteBuffer) throws -> Void
    ) throws -> Transfer.Outcome {
        var visited = [try HTTPAddress(url)]
        while true {
            let query = Query(address: visited[visited.count - 1], method: .get(portion), isNear: isNear)
            var outcome = try exchange(query, limit: limit, deadline, start: start, sink: sink)
            // A kept connection may be closed by the server at the moment when the request goes out (RFC 9112,
            // section 9.3.1): a question is asked once more.
            if case .closed = outcome {
                outcome = try exchange(query, isAgain: true, limit: limit, deadline, start: start, sink: sink)
            }
            switch outcome {
            case .complete, .rangeBeyondEnd: return outcome
            case .closed(let error): throw error
            case .redirect where isNear:
                throw query.address.failure(.redirected, "a host of this site may not redirect")
            case .redirect(let location): visited.append(try next(after: visited, location))
            }
        }
    }

    private func exchange(
        _ query: Query, isAgain: Bool = false, limit: Int64, _ deadline: Deadline, start: (Int64) throws -> Void,
        sink: (ByteBuffer) throws -> Void
    ) throws -> Transfer.Outcome {
        let route = query.isNear ? .direct : try proxies.route(to: query.address)
        let (client, request) = try clients.prepare(query, via: route, isAgain: isAgain)
        return try Exchange.with(limits, on: client, request, deadline: deadline.moment) { exchange in
            try Transfer(exchange, query.address, limits, limit: limit, deadline: deadline.duration)
                .run(query.portion, start: start, sink: sink)
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
