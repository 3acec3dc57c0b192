import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// What to do next, where several failures share it.
enum Remedy {
    static let server = "look at the server, or at a proxy between"
    static let again = "try again; if it stays so, look at the network and the server"
}

extension HTTPAddress {
    func failure(_ code: HTTPTransportError.Code, _ reason: String, underlying: (any Error)? = nil)
        -> HTTPTransportError
    {
        HTTPTransportError(code, "cannot fetch \(self): \(reason)", underlying: underlying)
    }

    /// The error of a status that brings no file.
    func refusal(status code: UInt) -> HTTPTransportError {
        switch code {
        case 404, 410:
            failure(.notFound, "the server does not have it (\(code)); look whether the address is right")
        case 401, 403, 407:
            failure(
                .refused,
                "the server or a proxy does not give it out (\(code)); look whether the address is right, "
                    + "and ask those who run the server")
        case 500...:
            failure(.status, "the server failed (\(code)); try again later")
        default:
            failure(.status, "the server answered with status \(code), not with a file; \(Remedy.server)")
        }
    }

    /// The error of a server that asks to be asked later.
    /// - Parameter retryAfter: the header, as it came; only a number of seconds is understood.
    func busy(status code: UInt, retryAfter: String?) -> HTTPTransportError {
        let seconds = retryAfter.flatMap { ContentRange.number($0) }.map { min($0, 3600) }
        let when = seconds.map { "in \($0) s" } ?? "later"
        return HTTPTransportError(
            .busy, "cannot fetch \(self): the server is busy (\(code)); try again \(when)",
            retryAfter: seconds.map { .seconds($0) })
    }

    /// Says in our words why the client gave up.
    /// - Parameter progress: how far the body had come.
    func failure(_ error: any Error, progress: Int64, limits: TransferLimits, within deadline: Duration?)
        -> HTTPTransportError
    {
        switch error {
        case let error as HTTPTransportError: return error
        case Pace.Verdict.silent:
            return failure(
                .tooSlow, "nothing came for \(limits.silence), after \(progress) bytes; try again later")
        case Pace.Verdict.slow:
            return failure(
                .tooSlow,
                "less than \(limits.bytesPerSecond) bytes a second came in \(limits.window), "
                    + "\(progress) bytes so far; try again later")
        case let error as HTTPClientError: return failure(client: error, progress, limits, deadline)
        case let error as HTTPParserError: return failure(parser: error, progress)
        case let error as NIOConnectionError: return failure(connection: error)
        case NIOSSLError.uncleanShutdown: return lost(progress, error)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return failure(tls: error)
        case let error as IOError where Self.unconnected.contains(error.errnoCode):
            return failure(
                .unreachable, "no connection to \(host) port \(port), or to the proxy before it; \(Remedy.again)",
                underlying: error)
        default: return lost(progress, error)
        }
    }

    private static let unconnected = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, ETIMEDOUT]

    private func failure(tls error: any Error) -> HTTPTransportError {
        failure(
            .untrusted,
            "no trusted connection: the server's certificate is not vouched for by this host's authorities, is for "
                + "another name or time, or the server speaks no TLS there. Look at the address, the host's clock and "
                + "its ca-certificates (SSL_CERT_FILE names another file of them)", underlying: error)
    }

    private func lost(_ progress: Int64, _ error: any Error) -> HTTPTransportError {
        failure(.unreachable, "the connection was lost after \(progress) bytes; \(Remedy.again)", underlying: error)
    }

    private func failure(
        client error: HTTPClientError, _ progress: Int64, _ limits: TransferLimits, _ deadline: Duration?
    ) -> HTTPTransportError {
        switch error {
        case .deadlineExceeded:
            return failure(
                .tooSlow, "not done within \(deadline ?? .zero), \(progress) bytes so far; try again later")
        case .connectTimeout, .tlsHandshakeTimeout, .httpProxyHandshakeTimeout, .getConnectionFromPoolTimeout:
            return failure(.unreachable, "no connection within \(limits.connecting); \(Remedy.again)")
        case .invalidProxyResponse, .proxyAuthenticationRequired:
            return failure(
                .refused, "the proxy opens no way to the server; look at https_proxy and no_proxy",
                underlying: error)
        default: return lost(progress, error)
        }
    }

    private func failure(parser error: HTTPParserError, _ progress: Int64) -> HTTPTransportError {
        switch error {
        case .invalidEOFState, .closedConnection: lost(progress, error)
        case .headerOverflow: failure(.malformed, "the answer's headers have no end; \(Remedy.server)")
        default: failure(.malformed, "the answer is not HTTP; \(Remedy.server)", underlying: error)
        }
    }

    private func failure(connection error: NIOConnectionError) -> HTTPTransportError {
        // The authorities are read when a connection is begun.
        if let error = error.connectionErrors.map(\.error).first(where: { $0 is NIOSSLError || $0 is BoringSSLError }) {
            return failure(tls: error)
        }
        let names = [error.dnsAError, error.dnsAAAAError].compactMap { $0 }
        guard error.connectionErrors.isEmpty, let name = names.first else {
            return failure(
                .unreachable, "no connection to \(error.host) port \(error.port); \(Remedy.again)",
                underlying: error.connectionErrors.first?.error)
        }
        return failure(
            .unreachable, "the host \(error.host) was not found; look at the address and at this host's resolver",
            underlying: name)
    }
}
