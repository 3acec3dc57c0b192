package import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1

/// What verifies signatures.
package enum PublicKey: Sendable {
    case ed25519(Curve25519.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)

    /// Reads a SubjectPublicKeyInfo in PEM (`-----BEGIN PUBLIC KEY-----`). `source` names it in messages.
    package init(pem: [UInt8], source: String) throws {
        self = try TrustError.naming(source) {
            let document = try PEM.read(pem)
            guard document.discriminator == PEM.publicKey else {
                throw PEM.unexpected(document.discriminator, wanted: "a \(PEM.publicKey)")
            }
            return try PublicKey(der: document.derBytes)
        }
    }

    /// Reads a SubjectPublicKeyInfo in DER (RFC 5280, section 4.1.2.7).
    private init(der: [UInt8]) throws {
        let (type, bits) = try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
            (try KeyType(try AlgorithmIdentifier(derEncoded: &nodes)), try ASN1BitString(derEncoded: &nodes))
        }
        guard bits.paddingBits == 0 else {
            throw TrustError(.malformedKey, "a public key that is no whole number of bytes")
        }
        switch type {
        case .ed25519: self = .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: bits.bytes))
        // A point is two coordinates after one byte, or one after a byte that tells the other (RFC 5480, section 2.2).
        case .p256 where bits.bytes.count == 33:
            self = .p256(try P256.Signing.PublicKey(compressedRepresentation: bits.bytes))
        case .p256: self = .p256(try P256.Signing.PublicKey(x963Representation: bits.bytes))
        }
    }

    /// The 32 bytes of RFC 8032.
    package init(ed25519 raw: [UInt8]) throws {
        do { self = .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: raw)) } catch {
            throw TrustError(.malformedKey, "\(raw.count) bytes that are no Ed25519 key", underlying: error)
        }
    }

    package var type: KeyType {
        switch self {
        case .ed25519: .ed25519
        case .p256: .p256
        }
    }

    /// The SubjectPublicKeyInfo in DER; the same key has the same bytes, whatever form it was read from.
    package var der: [UInt8] {
        switch self {
        case .ed25519(let key): Array(key.derRepresentation)
        case .p256(let key): Array(key.derRepresentation)
        }
    }

    package var pem: String { PEM.write(PEM.publicKey, der) }

    package var id: KeyID { KeyID(publicKeyInfo: der) }

    /// True where the private part of this key made `signature` of `message`. ECDSA signatures are in DER (RFC 3279,
    /// section 2.2.3); bytes that are no signature at all are an invalid one.
    package func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        switch self {
        case .ed25519(let key): return key.isValidSignature(signature, for: message)
        case .p256(let key):
            do {
                return key.isValidSignature(
                    try P256.Signing.ECDSASignature(derRepresentation: signature), for: message)
            } catch {
                return false
            }
        }
    }
}

extension PublicKey: Hashable {
    package static func == (left: PublicKey, right: PublicKey) -> Bool { left.der == right.der }

    package func hash(into hasher: inout Hasher) { hasher.combine(der) }
}
