package import Linux

/// What is answered to a request.
package struct ServerReply: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// A part of a file, which goes from the disk's cache to the network without passing through this program.
        case file(Descriptor, Range<Int64>)
        /// A part of something, piece by piece. An error cuts the connection, so that nobody takes the part for the whole.
        case pieces(Range<Int64>, read: @Sendable (Range<Int64>) throws -> [UInt8])

        var count: Int64 {
            switch self {
            case .bytes(let bytes): Int64(bytes.count)
            case .file(_, let range), .pieces(let range, _): Int64(range.count)
            }
        }
    }

    package let status: UInt
    package let headers: [(name: String, value: String)]
    package let body: Body

    package init(_ status: UInt, headers: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A few words for people, and nothing else.
    package init(_ status: UInt, _ words: String, headers: [(name: String, value: String)] = []) {
        self.init(
            status, headers: headers + [("Content-Type", "text/plain; charset=utf-8")],
            body: .bytes(Array("\(words)\n".utf8)))
    }

    /// A document of JSON, which may be another in the next moment.
    package static func json(_ bytes: [UInt8]) -> ServerReply {
        ServerReply(
            200, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-cache")], body: .bytes(bytes))
    }

    /// What is not here.
    package static var notFound: ServerReply { ServerReply(404, "not here") }

    /// What a request may not have.
    package static func refused(_ words: String) -> ServerReply { ServerReply(400, words) }
}

/// A file, or something like one, of which requests may ask a part.
package struct ServedContent: Sendable {
    package let size: Int64
    /// Never changes: whoever keeps it need not ask again.
    private let isImmutable: Bool
    /// Nil where not all of the range is here.
    private let part: @Sendable (Range<Int64>) throws -> ServerReply.Body?

    /// - Parameter isImmutable: whoever keeps it need not ask again.
    package init(file: Descriptor, isImmutable: Bool) throws {
        size = try file.size()
        self.isImmutable = isImmutable
        part = { .file(file, $0) }
    }

    /// Content that is here in part, of a blob that never changes.
    package init(
        size: Int64, holds: @escaping @Sendable (Range<Int64>) throws -> Bool,
        read: @escaping @Sendable (Range<Int64>) throws -> [UInt8]
    ) {
        self.size = size
        isImmutable = true
        part = { try holds($0) ? .pieces($0, read: read) : nil }
    }

    /// The whole, or the range that is asked for; 404 where that is not here, 416 where no such bytes can be.
    package func reply(to request: ServerRequest) throws -> ServerReply {
        var headers: [(name: String, value: String)] = [
            ("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes"),
            ("Cache-Control", isImmutable ? "public, max-age=31536000, immutable" : "no-cache"),
        ]
        guard let asked = request.range else {
            return try part(0..<size).map { ServerReply(200, headers: headers, body: $0) } ?? .notFound
        }
        guard let range = asked.resolved(in: size) else {
            return ServerReply(416, "no such bytes", headers: [("Content-Range", "bytes */\(size)")])
        }
        headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"))
        return try part(range).map { ServerReply(206, headers: headers, body: $0) } ?? .notFound
    }
}
