import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1

/// PBES2: a key derived from a passphrase, and AES-CBC under it (RFC 8018, section 6.2).
struct PasswordEncryption: Sendable {
    /// AES's.
    static let blockSize = 16

    private let derivation: KeyDerivation
    /// 16, 24 or 32 bytes: AES-128, AES-192 or AES-256.
    private let keySize: Int
    private let initializationVector: [UInt8]

    /// What new keys are encrypted with.
    static func fresh() -> PasswordEncryption {
        PasswordEncryption(
            derivation: .fresh(), keySize: 32, initializationVector: (0..<blockSize).map { _ in .random(in: 0...255) })
    }

    func encrypt(_ plaintext: [UInt8], _ passphrase: Passphrase) throws -> [UInt8] {
        Array(
            try AES._CBC.encrypt(
                plaintext, using: try derivation.key(from: passphrase, size: keySize),
                iv: try AES._CBC.IV(ivBytes: initializationVector)))
    }

    /// `ciphertext` is one block or more. Throws where the padding is wrong.
    func decrypt(_ ciphertext: [UInt8], _ passphrase: Passphrase) throws -> [UInt8] {
        Array(
            try AES._CBC.decrypt(
                ciphertext, using: try derivation.key(from: passphrase, size: keySize),
                iv: try AES._CBC.IV(ivBytes: initializationVector)))
    }
}

// MARK: - DER

extension PasswordEncryption {
    /// `aes128-CBC-PAD`, `aes192-CBC-PAD` and `aes256-CBC-PAD` (RFC 8018, appendix B.2.5) by the size of their keys.
    private static let ciphers: [(size: Int, identifier: ASN1ObjectIdentifier)] = [
        (16, [2, 16, 840, 1, 101, 3, 4, 1, 2]), (24, [2, 16, 840, 1, 101, 3, 4, 1, 22]),
        (32, [2, 16, 840, 1, 101, 3, 4, 1, 42]),
    ]

    init(_ algorithm: AlgorithmIdentifier) throws {
        guard algorithm.algorithm == .pbes2, let parameters = algorithm.parameters else {
            throw TrustError(
                .unsupportedKey, "encrypted in an old way (\(algorithm.algorithm)); \(KeyDerivation.remedy)")
        }
        let (kdf, cipher) = try DER.sequence(parameters, identifier: .sequence) { nodes in
            (try AlgorithmIdentifier(derEncoded: &nodes), try AlgorithmIdentifier(derEncoded: &nodes))
        }
        guard let size = Self.ciphers.first(where: { $0.identifier == cipher.algorithm })?.size,
            let vector = cipher.parameters
        else {
            throw TrustError(
                .unsupportedKey, "encrypted with an unknown cipher (\(cipher.algorithm)); \(KeyDerivation.remedy)")
        }
        keySize = size
        derivation = try KeyDerivation(kdf, keySize: size)
        initializationVector = Array(try ASN1OctetString(derEncoded: vector).bytes)
        guard initializationVector.count == Self.blockSize else {
            throw TrustError(.malformedKey, "the cipher's initialization vector has not \(Self.blockSize) bytes")
        }
    }

    func algorithm() throws -> AlgorithmIdentifier {
        guard let cipher = Self.ciphers.first(where: { $0.size == keySize }) else {
            preconditionFailure("AES has no keys of \(keySize) bytes")
        }
        var serializer = DER.Serializer()
        try serializer.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(try derivation.algorithm())
            try coder.serialize(
                AlgorithmIdentifier(
                    cipher.identifier,
                    parameters: try ASN1Any(erasing: ASN1OctetString(contentBytes: initializationVector[...]))))
        }
        return AlgorithmIdentifier(.pbes2, parameters: try ASN1Any(derEncoded: serializer.serializedBytes))
    }
}

extension ASN1ObjectIdentifier {
    /// `id-PBES2` (RFC 8018, appendix A.4).
    fileprivate static let pbes2: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 5, 13]
}
