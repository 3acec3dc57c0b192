/// A sha256 digest: `sha256:` and 64 lower-case hexadecimal digits (OCI image-spec, "Digests").
package struct Digest: TextualValue, Comparable {
    /// The 64 digits.
    package let hex: String

    package init(parsing text: String) throws {
        let hex = text.hasPrefix("sha256:") ? text.dropFirst(7) : ""
        guard hex.utf8.count == 64, hex.utf8.allSatisfy(Self.isDigit) else {
            throw GridModelError(
                .invalidDigest, "'\(text.prefix(100))' is no digest: expected sha256: and 64 digits 0-9a-f")
        }
        self.hex = String(hex)
    }

    /// From the 32 bytes that a hash function returns.
    package init(bytes: some Sequence<UInt8>) {
        let digits = Array("0123456789abcdef".utf8)
        var hex: [UInt8] = []
        for byte in bytes { hex += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        precondition(hex.count == 64, "a sha256 digest has 32 bytes")
        self.hex = String(decoding: hex, as: UTF8.self)
    }

    package var description: String { "sha256:\(hex)" }
    /// Enough to recognise it in a list.
    package var short: String { String(hex.prefix(12)) }

    package static func < (left: Digest, right: Digest) -> Bool { left.hex < right.hex }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }
}
