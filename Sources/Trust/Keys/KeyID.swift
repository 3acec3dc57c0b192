import Crypto
import GridModel

/// Names a public key: 64 lower-case hexadecimal digits, the sha256 of its SubjectPublicKeyInfo in DER, which
/// `openssl pkey -pubin -in KEY -outform DER | sha256sum` prints. RFC 6962 (section 3.2) names a log's key so.
package struct KeyID: TextualValue, Comparable {
    package let hex: String

    package init(parsing text: String) throws {
        do { hex = try Digest(parsing: "sha256:\(text)").hex } catch {
            throw TrustError(.malformedKey, "'\(text.prefix(100))' is no key id: expected 64 digits 0-9a-f")
        }
    }

    init(publicKeyInfo: some Sequence<UInt8>) {
        hex = GridModel.Digest(bytes: SHA256.hash(data: Array(publicKeyInfo))).hex
    }

    package var description: String { hex }

    package static func < (left: KeyID, right: KeyID) -> Bool { left.hex < right.hex }
}
