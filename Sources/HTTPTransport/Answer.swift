import NIOHTTP1

/// What the head of an answer says to do next.
enum Answer: Equatable {
    /// The body follows: it begins at byte `start` of the file; `end` is where it ends, if told.
    case body(start: Int64, end: Int64?)
    case redirect(location: String)
    /// Nothing stands where the asked range begins: the file here is no beginning of the one there.
    case rangeBeyondEnd

    /// - Parameter offset: what was asked for with Range; 0 where nothing was.
    init(_ head: HTTPResponseHead, asked offset: Int64, of address: HTTPAddress, _ limits: TransferLimits) throws {
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
        case 416 where offset > 0:
            self = .rangeBeyondEnd
            return
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
            self = try Self.part(headers, length, asked: offset, of: address)
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

    /// Content-Range: bytes FIRST-LAST/COMPLETE (RFC 9110, section 14.4).
    private static func part(_ headers: HTTPHeaders, _ length: Int64?, asked offset: Int64, of address: HTTPAddress)
        throws -> Answer
    {
        let text = headers.first(name: "Content-Range") ?? ""
        let wrong = address.failure(
            .malformed,
            "asked for what follows byte \(offset), the server sent a part that it calls "
                + "'\(text.shown)'; \(Remedy.server)")
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard offset > 0, words.count == 2, words[0].lowercased() == "bytes" else { throw wrong }
        let halves = words[1].split(separator: "/", omittingEmptySubsequences: false)
        let bounds = (halves.first ?? "").split(separator: "-", omittingEmptySubsequences: false)
        guard halves.count == 2, bounds.count == 2, let first = Int64(bounds[0]), let last = Int64(bounds[1]),
            first == offset, last >= first, last < Int64.max, length == nil || length == last - first + 1,
            // To the end, as it was asked for: a shorter part would pass for the whole.
            halves[1] == "*" || Int64(halves[1]) == last + 1
        else { throw wrong }
        return .body(start: first, end: last + 1)
    }
}

extension String {
    /// A server's words as a message may show them: short, without control characters.
    var shown: String {
        unicodeScalars.prefix(120).map { $0.value >= 0x20 && $0.value < 0x7f ? String($0) : "?" }.joined()
    }
}
