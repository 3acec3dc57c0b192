import NIOHTTP1

/// What the head of an answer says to do next.
enum Answer: Equatable {
    /// The body follows: it begins at byte `start` of the file; `end` is where it ends, if told.
    case body(start: Int64, end: Int64?)
    case redirect(location: String)
    /// Nothing stands where the asked range begins: the file here is no beginning of the one there.
    case rangeBeyondEnd

    init(_ head: HTTPResponseHead, asked: Query.Portion, of address: HTTPAddress, _ limits: TransferLimits) throws {
        let headers = head.headers
        let size = headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        guard size <= limits.headerBytes else {
            throw address.failure(
                .malformed, "the answer's headers hold \(size) bytes, more than \(limits.headerBytes); \(Remedy.server)"
            )
        }
        switch head.status.code {
        case 200, 206: break
        case 301, 302, 303, 307, 308:
            guard let location = headers.first(name: "Location") else {
                throw address.failure(
                    .malformed,
                    "the answer is a redirect (\(head.status.code)) that does not say where to; "
                        + Remedy.server)
            }
            self = .redirect(location: location)
            return
        case 416 where asked != .whole:
            self = .rangeBeyondEnd
            return
        case 429, 503: throw address.busy(status: head.status.code, retryAfter: headers.first(name: "Retry-After"))
        case let code: throw address.refusal(status: code)
        }
        let encodings = headers[canonicalForm: "Content-Encoding"].filter { $0.lowercased() != "identity" }
        guard encodings.isEmpty else {
            throw address.failure(
                .malformed,
                "the answer is encoded (Content-Encoding: \(encodings.joined(separator: ", ").shown)), "
                    + "which was not asked for; switch compression off at the server, for these files at least")
        }
        let length = try Self.length(headers, of: address)
        if head.status.code == 206 {
            self = try Self.part(headers, length, asked: asked, of: address)
        } else if case .exactly = asked {
            throw address.failure(
                .noRanges, "the server sends the whole file where a part was asked for; \(Remedy.server)")
        } else {
            self = .body(start: 0, end: length)
        }
    }

    private static func length(_ headers: HTTPHeaders, of address: HTTPAddress) throws -> Int64? {
        guard let text = headers.first(name: "Content-Length") else { return nil }
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let length = Int64(text) else {
            throw address.failure(.malformed, "its Content-Length is no number: \(text.shown); \(Remedy.server)")
        }
        return length
    }

    /// The part that an answer says it holds, which must be what was asked for.
    private static func part(
        _ headers: HTTPHeaders, _ length: Int64?, asked: Query.Portion, of address: HTTPAddress
    ) throws -> Answer {
        let text = headers.first(name: "Content-Range") ?? ""
        guard let part = ContentRange(parsing: text), length == nil || length == Int64(part.bytes.count),
            isWanted(part, asked)
        else {
            let wanted =
                switch asked {
                case .whole: "the whole file"
                case .from(let offset): "what follows byte \(offset)"
                case .exactly(let range): "bytes \(range.lowerBound) to \(range.upperBound - 1)"
                }
            throw address.failure(
                .malformed,
                "asked for \(wanted), the server sent a part that it calls '\(text.shown)'; \(Remedy.server)")
        }
        return .body(start: part.bytes.lowerBound, end: part.bytes.upperBound)
    }

    private static func isWanted(_ part: ContentRange, _ asked: Query.Portion) -> Bool {
        switch asked {
        case .whole: false
        // To the end: a shorter part would pass for the whole.
        case .from(let offset):
            part.bytes.lowerBound == offset && (part.complete ?? part.bytes.upperBound) == part.bytes.upperBound
        case .exactly(let range): part.bytes == range
        }
    }
}

extension String {
    /// A server's words as a message may show them: short, without control characters.
    var shown: String {
        unicodeScalars.prefix(120).map { $0.value >= 0x20 && $0.value < 0x7f ? String($0) : "?" }.joined()
    }
}
