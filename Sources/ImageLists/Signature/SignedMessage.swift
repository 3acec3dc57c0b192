/// What is looked at of an S/MIME message without openssl: that it is one, and the text in the part that was signed.
enum SignedMessage {
    /// As long as any honest header, and short enough to be searched at leisure.
    private static let headerLimit = 64 << 10

    /// Refuses what is no `multipart/signed` message before openssl sees it.
    static func check(_ served: [UInt8]) throws {
        let start = served.prefix(4096).first { !Self.isSpace($0) }
        if start == UInt8(ascii: "{") || start == UInt8(ascii: "[") {
            throw ImageListError(
                .unsigned,
                "the list is bare JSON without a signature, which anybody could have written; "
                    + "ask the endorser for the address of the signed list")
        }
        guard let (headers, _) = split(served[...]) else {
            throw ImageListError(
                .malformedMessage, "what was served is no S/MIME message; does its address name a signed image list?")
        }
        let type = headers["content-type"] ?? ""
        guard type.hasPrefix("multipart/signed") else {
            throw ImageListError(
                .malformedMessage,
                "what was served has the content type '\(type.prefix(80))', expected multipart/signed: "
                    + "an S/MIME message with a detached signature")
        }
    }

    /// The text of the signed part, whose own headers are signed with it and often missing.
    static func text(of part: [UInt8]) throws -> [UInt8] {
        if part.first(where: { !isSpace($0) }) == UInt8(ascii: "{") { return part }
        guard let (headers, body) = split(part[...]) else {
            throw ImageListError(.malformedMessage, "the signed part of the message is neither JSON nor a MIME part")
        }
        let type = (headers["content-type"] ?? "text/plain").prefix { $0 != ";" && $0 != " " }
        let encoding = headers["content-transfer-encoding"] ?? "8bit"
        guard ["text/plain", "application/json", "text/json"].contains(type),
            ["7bit", "8bit", "binary"].contains(encoding)
        else {
            throw ImageListError(
                .malformedMessage,
                "the signed part of the message has type '\(type.prefix(80))' and encoding '\(encoding.prefix(80))'; "
                    + "expected text/plain, not encoded")
        }
        return Array(body)
    }

    /// A part's headers, names and values in lower case, and what follows the empty line; nil where it has none.
    private static func split(_ bytes: ArraySlice<UInt8>) -> ([String: String], ArraySlice<UInt8>)? {
        var headers: [String: String] = [:]
        var last: String?
        var rest = bytes
        while let end = rest.prefix(headerLimit).firstIndex(of: UInt8(ascii: "\n")) {
            if end - bytes.startIndex > headerLimit { return nil }
            var line = rest[..<end]
            rest = rest[(end + 1)...]
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            if line.isEmpty { return (headers, rest) }
            let text = String(decoding: line, as: UTF8.self).lowercased()
            if let name = last, isSpace(line[line.startIndex]) {
                headers[name] = trimmed("\(headers[name] ?? "") \(trimmed(text[...]))")
            } else if let colon = text.firstIndex(of: ":"), !text[..<colon].contains(" ") {
                let name = String(text[..<colon])
                // Two of one name: one reader could take the first, the other the second.
                if headers[name] != nil && name.hasPrefix("content-") { return nil }
                headers[name] = trimmed(text[text.index(after: colon)...])
                last = name
            } else {
                return nil
            }
        }
        return nil
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop { $0 == " " || $0 == "\t" }
        return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
