import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The caller's side of one exchange: judges the head, counts and hands on the body.
struct Transfer {
    enum Outcome: Equatable {
        case complete(bytes: Int64)
        case redirect(location: String)
        case rangeBeyondEnd
        /// The connection ended before anything came: perhaps the server had closed it while it was kept for this.
        case closed(HTTPTransportError)
    }

    private let exchange: Exchange
    private let address: HTTPAddress
    private let limits: TransferLimits
    private let limit: Int64
    private let deadline: Duration?

    /// - Parameter limit: where the file may end at most.
    init(_ exchange: Exchange, _ address: HTTPAddress, _ limits: TransferLimits, limit: Int64, deadline: Duration?) {
        self.exchange = exchange
        self.address = address
        self.limits = limits
        self.limit = limit
        self.deadline = deadline
    }

    func run(_ asked: Query.Portion, start: (Int64) throws -> Void, sink: (ByteBuffer) throws -> Void) throws
        -> Outcome
    {
        let answer: Answer
        switch exchange.next() {
        case .head(let head): answer = try Answer(head, asked: asked, of: address, limits)
        case .ended(.failure(let error)) where Self.isClosed(error): return .closed(failure(error, 0))
        case .ended(.failure(let error)): throw failure(error, 0)
        case .piece, .ended(.success): throw address.failure(.malformed, "an answer without a head; \(Remedy.server)")
        }
        switch answer {
        case .redirect(let location): return .redirect(location: location)
        case .rangeBeyondEnd: return .rangeBeyondEnd
        case .body(let begin, let end):
            if let end, end > limit { throw tooLong("it has \(end) bytes") }
            try start(begin)
            return .complete(bytes: try body(from: begin, to: end, sink))
        }
    }

    /// What the client reports of a connection that the other side has ended (AsyncHTTPClient 1.37.0: the first where
    /// it reads the end, the others where it writes after it).
    private static func isClosed(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as IOError: [ECONNRESET, EPIPE].contains(error.errnoCode)
        case let error as ChannelError: error == .ioOnClosedChannel || error == .eof
        case let error as HTTPParserError: error == .invalidEOFState || error == .closedConnection
        case NIOSSLError.uncleanShutdown: true
        default: false
        }
    }

    private func body(from begin: Int64, to end: Int64?, _ sink: (ByteBuffer) throws -> Void) throws -> Int64 {
        var position = begin
        while true {
            switch exchange.next() {
            case .head: throw address.failure(.malformed, "an answer with two heads; \(Remedy.server)")
            case .piece(let buffer):
                position += Int64(buffer.readableBytes)
                guard position <= min(limit, end ?? limit) else { throw tooLong("it goes on") }
                try sink(buffer)
            case .ended(.failure(let error)): throw failure(error, position - begin)
            case .ended(.success):
                guard end == nil || position == end else {
                    throw address.failure(
                        .unreachable, "it ended after \(position - begin) bytes, before its end; \(Remedy.again)")
                }
                return position
            }
        }
    }

    private func tooLong(_ what: String) -> HTTPTransportError {
        address.failure(
            .tooLong, "\(what), and at most \(limit) are taken; look whether the address is right")
    }

    private func failure(_ error: any Error, _ progress: Int64) -> HTTPTransportError {
        address.failure(error, progress: progress, limits: limits, within: deadline)
    }
}
