import StrictJSON

/// JSON Web Tokens in text (RFC 7519): what the grid's bearer tokens are.
enum BearerToken {
    /// `{"` in base 64: how the two objects of a token begin.
    private static let opening = ByteSearch("eyJ")
    private static let issuer = ByteSearch("\"iss\"")
    private static let expiry = ByteSearch("\"exp\"")

    /// Only tokens that name an issuer or their expiry: those of manuals for programmers do not.
    static func kind(in content: [UInt8]) -> String? {
        guard !content.contains(0) else { return nil }
        var start = 0
        while let found = opening.firstIndex(in: content, from: start) {
            let header = content[found...].prefix(while: isBase64)
            start = header.endIndex
            guard content[start...].starts(with: ".eyJ".utf8) else { continue }
            let body = content[(start + 1)...].prefix(while: isBase64)
            start = body.endIndex
            guard content[start...].first == UInt8(ascii: "."),
                let payload = Base64.decode(String(decoding: body, as: UTF8.self))
            else { continue }
            if issuer.firstIndex(in: payload) != nil || expiry.firstIndex(in: payload) != nil {
                return "a bearer token"
            }
        }
        return nil
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "_")
    }
}
