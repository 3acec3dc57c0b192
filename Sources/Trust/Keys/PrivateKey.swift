package import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1

/// What signs.
package enum PrivateKey: Sendable {
    case ed25519(Curve25519.Signing.PrivateKey)
    case p256(P256.Signing.PrivateKey)

    /// A new key, from the system's randomness.
    package static func generate(_ type: KeyType) -> PrivateKey {
        switch type {
        case .ed25519: .ed25519(Curve25519.Signing.PrivateKey())
        case .p256: .p256(P256.Signing.PrivateKey())
        }
    }

    package var publicKey: PublicKey {
        switch self {
        case .ed25519(let key): .ed25519(key.publicKey)
        case .p256(let key): .p256(key.publicKey)
        }
    }

    package var type: KeyType { publicKey.type }

    /// PKCS#8 in PEM, without encryption (`-----BEGIN PRIVATE KEY-----`).
    package var pem: String { PEM.write(PEM.privateKey, der) }

    /// A signature of `message`; ECDSA in DER (RFC 3279, section 2.2.3), over its SHA-256.
    package func sign(_ message: [UInt8]) throws -> [UInt8] {
        do {
            return switch self {
            case .ed25519(let key): Array(try key.signature(for: message))
            case .p256(let key): Array(try key.signature(for: message).derRepresentation)
            }
        } catch {
            throw TrustError(.cannotSign, "sign \(message.count) bytes with key \(publicKey.id)", underlying: error)
        }
    }
}

extension PrivateKey {
    /// PKCS#8 in DER.
    var der: [UInt8] {
        switch self {
        case .ed25519(let key): Array(key.pkcs8DERRepresentation)
        case .p256(let key): Array(key.pkcs8DERRepresentation)
        }
    }

    /// Reads PKCS#8 in DER.
    init(der: [UInt8]) throws { self = try PrivateKeyInfo(derEncoded: der).key(der) }
}

/// PrivateKeyInfo (RFC 5208, section 5), or OneAsymmetricKey (RFC 5958, section 2), whose further fields are passed
/// over.
struct PrivateKeyInfo: DERParseable {
    private let algorithm: AlgorithmIdentifier
    private let privateKey: ASN1OctetString

    init(derEncoded node: ASN1Node) throws {
        (algorithm, privateKey) = try DER.sequence(node, identifier: .sequence) { nodes in
            guard try 0...1 ~= Int(derEncoded: &nodes) else {
                throw TrustError(.unsupportedKey, "a private key of an unknown version of PKCS#8")
            }
            let algorithm = try AlgorithmIdentifier(derEncoded: &nodes)
            let privateKey = try ASN1OctetString(derEncoded: &nodes)
            while let further = nodes.next() {
                guard further.identifier.tagClass == .contextSpecific else {
                    throw ASN1Error.unexpectedFieldType(further.identifier)
                }
            }
            return (algorithm, privateKey)
        }
    }

    /// The key, where its type is known; `der` is the whole again.
    func key(_ der: [UInt8]) throws -> PrivateKey {
        switch try KeyType(algorithm) {
        case .ed25519:
            // CurvePrivateKey, an octet string in the octet string (RFC 8410, section 7).
            let seed = try ASN1OctetString(derEncoded: privateKey.bytes)
            return .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: seed.bytes))
        case .p256: return .p256(try P256.Signing.PrivateKey(derRepresentation: der))
        }
    }
}
