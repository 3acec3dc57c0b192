import SwiftASN1

/// The kinds of keys that sign here.
package enum KeyType: String, Codable, CaseIterable, Sendable {
    /// RFC 8032.
    case ed25519
    /// ECDSA on NIST's curve P-256 with SHA-256 (FIPS 186-5).
    case p256
}

extension KeyType {
    /// What a SubjectPublicKeyInfo or a PrivateKeyInfo says of its key.
    init(_ algorithm: AlgorithmIdentifier) throws {
        switch algorithm.algorithm {
        case .ed25519 where algorithm.parameters == nil: self = .ed25519
        case .ellipticCurveKey:
            guard let parameters = algorithm.parameters,
                try ASN1ObjectIdentifier(derEncoded: parameters) == .curveP256
            else {
                throw TrustError(
                    .unsupportedKey, "an elliptic curve key that is not on P-256; use a key of type ed25519 or p256")
            }
            self = .p256
        default:
            throw TrustError(
                .unsupportedKey,
                "a key of an unknown algorithm (\(algorithm.algorithm)); use a key of type ed25519 or p256")
        }
    }
}

extension ASN1ObjectIdentifier {
    /// `id-Ed25519` (RFC 8410, section 3).
    fileprivate static let ed25519: ASN1ObjectIdentifier = [1, 3, 101, 112]
    /// `id-ecPublicKey` (RFC 5480, section 2.1.1).
    fileprivate static let ellipticCurveKey: ASN1ObjectIdentifier = [1, 2, 840, 10045, 2, 1]
    /// `secp256r1` (RFC 5480, section 2.1.1.1).
    fileprivate static let curveP256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 3, 1, 7]
}
