import FoundationEssentials
import SwiftASN1

/// The text form of keys (RFC 7468).
enum PEM {
    static let publicKey = "PUBLIC KEY"
    static let privateKey = "PRIVATE KEY"
    static let encryptedPrivateKey = "ENCRYPTED PRIVATE KEY"

    /// No key of ours comes near.
    static let largest = 16 << 10

    /// The only document of `bytes`: its label and its DER.
    static func read(_ bytes: [UInt8]) throws -> PEMDocument {
        guard bytes.count <= largest else {
            throw TrustError(.malformedKey, "\(bytes.count) bytes, where a key has at most \(largest)")
        }
        do { return try PEMDocument(pemString: String(decoding: bytes, as: UTF8.self)) } catch {
            throw TrustError(.malformedKey, "not one key in PEM (-----BEGIN … KEY-----)", underlying: error)
        }
    }

    static func write(_ label: String, _ der: some Sequence<UInt8>) -> String {
        PEMDocument(type: label, derBytes: Array(der)).pemString + "\n"
    }

    /// Why a document with that label is not what was asked for.
    static func unexpected(_ label: String, wanted: String) -> TrustError {
        let shown = label.prefix(40).unicodeScalars.map { $0.escaped(asASCII: true) }.joined()
        let remedy =
            switch label {
            case publicKey: "this is the public part; give the private one"
            case privateKey, encryptedPrivateKey: "this is the private part; give the public one"
            case "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY":
                "convert it: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW"
            default: "expected \(wanted)"
            }
        return TrustError(.malformedKey, "it holds a \(shown); \(remedy)")
    }
}
