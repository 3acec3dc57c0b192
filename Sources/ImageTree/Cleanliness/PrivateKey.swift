/// Private keys in text (RFC 7468, RFC 4880 section 6.2, PuTTY).
enum PrivateKey {
    private static let opening = ByteSearch("-----BEGIN ")
    private static let certificate = ByteSearch("-----BEGIN CERTIFICATE-----")
    private static let putty = Array("PuTTY-User-Key-File-".utf8)
    /// Headers of an old encrypted key or of an OpenPGP armour, and the empty line after them.
    private static let headerLimit = 10
    /// Base 64 characters that a line of a real key has at least: the shortest, Ed25519 in PKCS #8, has 64.
    private static let lineLength = 40

    /// What the first of them is; nil where there is none.
    ///
    /// A heading alone is no key: programs and manuals are full of them. It must be followed by a line's end, at least
    /// as `\n` in JSON, and by a line of base 64.
    static func kind(in content: [UInt8]) -> String? {
        if content.starts(with: putty) { return "a private key of PuTTY" }
        // Libraries carry the keys of their self-tests (GnuTLS, lib/crypto-selftests-pk.c).
        if content.starts(with: [0x7f, 0x45, 0x4c, 0x46]) { return nil }
        var start = 0
        while let found = opening.firstIndex(in: content, from: start) {
            start = found + 11
            guard let label = label(in: content[start...]), isBody(content[(start + label.utf8.count + 5)...]) else {
                continue
            }
            if label == "PGP PRIVATE KEY BLOCK" { return "a private OpenPGP key" }
            let isProxy = certificate.firstIndex(in: content) != nil
            return isProxy ? "a certificate with its private key, as grid proxies are" : "a private key (\(label))"
        }
        return nil
    }

    /// `RSA PRIVATE KEY` of `RSA PRIVATE KEY-----`.
    private static func label(in rest: ArraySlice<UInt8>) -> String? {
        let label = rest.prefix(64).prefix { (65...90).contains($0) || (48...57).contains($0) || $0 == 0x20 }
        guard rest.dropFirst(label.count).starts(with: "-----".utf8) else { return nil }
        let text = String(decoding: label, as: UTF8.self)
        return text.hasSuffix("PRIVATE KEY") || text == "PGP PRIVATE KEY BLOCK" ? text : nil
    }

    private static func isBody(_ rest: ArraySlice<UInt8>) -> Bool {
        var rest = rest
        guard skipLineEnd(&rest) else { return false }
        for _ in 0..<headerLimit {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            if rest.prefix(while: isBase64).count >= lineLength { return true }
            // A header, or an empty line.
            let line = rest.prefix(200).prefix { ![0x0a, 0x0d, UInt8(ascii: "\\"), 0].contains($0) }
            guard line.isEmpty || line.contains(UInt8(ascii: ":")) else { return false }
            rest = rest.dropFirst(line.count)
            guard skipLineEnd(&rest) else { return false }
        }
        return false
    }

    private static func skipLineEnd(_ rest: inout ArraySlice<UInt8>) -> Bool {
        for end in ["\n", "\r\n", "\\n", "\\r\\n"] where rest.starts(with: end.utf8) {
            rest = rest.dropFirst(end.utf8.count)
            return true
        }
        return false
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 0x2b
            || byte == 0x2f
            || byte == 0x3d
    }
}
