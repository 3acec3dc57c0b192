/// Why something could not be fetched: from where, what went wrong, what to do next.
package struct HTTPTransportError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The address is none that is fetched from; nothing was sent.
        case wrongAddress
        /// The server does not have it: 404 or 410.
        case notFound
        /// The server does not give it to us: 401, 403 or 407.
        case refused
        /// Any other status than success.
        case status
        /// Too much is asked of the server now: 429 or 503; see `retryAfter`.
        case busy
        /// A part was asked for, and the server sends the whole.
        case noRanges
        /// No connection, or one that was lost.
        case unreachable
        /// The server's certificate is not what the system's authorities vouch for.
        case untrusted
        /// More bytes than the limit.
        case tooLong
        /// The deadline, the lowest rate or the longest silence.
        case tooSlow
        /// Too many redirects, a loop, or one to where we do not go.
        case redirected
        /// The answer is not HTTP, contradicts itself, or is encoded.
        case malformed
    }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?
    /// When to ask again, where a busy server said so; an hour at most.
    package let retryAfter: Duration?

    package init(_ code: Code, _ message: String, underlying: (any Error)? = nil, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
        self.retryAfter = retryAfter
    }

    package var description: String { underlying.map { "\(message): \($0)" } ?? message }

    package static func == (left: HTTPTransportError, right: HTTPTransportError) -> Bool { left.code == right.code }
}
