import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A request of a protocol whose statuses and headers mean something: a registry's, say.
package struct HTTPQuestion: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case put = "PUT"
    }

    package let method: Method
    package let url: String
    /// Beside those of every request.
    package var headers: [String: String]
    package var body: [UInt8]?

    package init(_ method: Method, _ url: String, headers: [String: String] = [:], body: [UInt8]? = nil) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What a server answered, whatever its status.
package struct HTTPReply: Sendable {
    package let status: Int
    package let body: [UInt8]
    private let headers: HTTPHeaders

    fileprivate init(_ head: HTTPResponseHead, _ body: [UInt8]) {
        status = Int(head.status.code)
        headers = head.headers
        self.body = body
    }

    /// The first of that name, in whatever letters; a stranger's word.
    package func header(_ name: String) -> String? { headers.first(name: name) }

    /// All of that name.
    package func headers(_ name: String) -> [String] { headers[name] }
}

extension HTTPTransport {
    /// Sends one request and reads its answer, whatever that says. No redirect is followed.
    /// - Parameters:
    ///   - limit: how many bytes the answer may have; more is `.tooLong`.
    ///   - deadline: when it must be there.
    package func ask(
        _ question: HTTPQuestion, limit: Int, within deadline: Duration = .seconds(60)
    ) throws -> HTTPReply {
        let address = try HTTPAddress(question.url)
        let query = Query(address: address, method: .get(.whole))
        let (client, plain) = try clients.prepare(query, via: try proxies.route(to: address), isAgain: false)
        var headers = query.headers
        for (name, value) in question.headers { headers.replaceOrAdd(name: name, value: value) }
        let request = try HTTPClient.Request(
            url: plain.url, method: HTTPMethod(rawValue: question.method.rawValue), headers: headers,
            body: question.body.map { .bytes($0) })
        let moment = NIODeadline.now() + TimeAmount(deadline)
        return try Exchange.with(limits, on: client, request, deadline: moment) { exchange in
            try reply(of: exchange, address, limit: limit, within: deadline)
        }
    }

    private func reply(
        of exchange: Exchange, _ address: HTTPAddress, limit: Int, within deadline: Duration
    ) throws -> HTTPReply {
        var head: HTTPResponseHead?
        var body: [UInt8] = []
        while true {
            switch exchange.next() {
            case .head(let found):
                let size = found.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
                guard head == nil, size <= limits.headerBytes else {
                    throw address.failure(.malformed, "an answer with two heads or too long a one; \(Remedy.server)")
                }
                head = found
            case .piece(let buffer):
                guard body.count + buffer.readableBytes <= limit else {
                    throw address.failure(.tooLong, "it has more than the \(limit) bytes that are taken")
                }
                body += buffer.readableBytesView
            case .ended(.failure(let error)):
                throw address.failure(error, progress: Int64(body.count), limits: limits, within: deadline)
            case .ended(.success):
                guard let head else {
                    throw address.failure(.malformed, "an answer without a head; \(Remedy.server)")
                }
                return HTTPReply(head, body)
            }
        }
    }
}
