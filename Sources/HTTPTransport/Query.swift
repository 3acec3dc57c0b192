import NIOHTTP1

/// What is asked of a server.
struct Query: Sendable {
    /// Which part of a file.
    enum Portion: Equatable, Sendable {
        case whole
        /// What follows so many bytes, or the whole.
        case from(Int64)
        /// Exactly these bytes.
        case exactly(Range<Int64>)

        /// The header Range (RFC 9110, section 14.2); nil for the whole.
        var header: String? {
            switch self {
            case .whole: nil
            case .from(let offset): "bytes=\(offset)-"
            case .exactly(let range): "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
            }
        }
    }

    enum Method: Equatable, Sendable {
        case get(Portion)
        case post(body: [UInt8], contentType: String)
    }

    let address: HTTPAddress
    let method: Method
    /// Asked without a proxy.
    var isNear = false

    var portion: Portion {
        if case .get(let portion) = method { return portion }
        return .whole
    }

    var headers: HTTPHeaders {
        var headers: HTTPHeaders = [
            "Host": address.authority, "User-Agent": "sojourn", "Accept": "*/*", "Accept-Encoding": "identity",
        ]
        switch method {
        case .get(let portion): portion.header.map { headers.add(name: "Range", value: $0) }
        case .post(_, let contentType): headers.add(name: "Content-Type", value: contentType)
        }
        return headers
    }
}
