import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1

/// How a passphrase becomes a key, slowly. Parameters that were read are bounded: a file must not choose how long that
/// takes.
enum KeyDerivation: Sendable {
    /// RFC 7914.
    case scrypt(salt: [UInt8], cost: Int, blockSize: Int, parallelism: Int)
    /// RFC 8018, section 5.2, with HMAC.
    case pbkdf2(salt: [UInt8], rounds: Int, hash: KDF.Insecure.PBKDF2.HashFunction)

    /// scrypt with 16 MiB in 5 passes, one of the equivalent choices of OWASP's "Password Storage Cheat Sheet". OpenSSL
    /// (3.0) opens no file whose scrypt takes 32 MiB or more: a higher cost would shut `openssl pkey` out.
    static func fresh() -> KeyDerivation {
        .scrypt(salt: (0..<16).map { _ in .random(in: 0...255) }, cost: 1 << 14, blockSize: 8, parallelism: 5)
    }

    static let remedy = "encrypt it anew: openssl pkcs8 -topk8 -scrypt -in OLD -out NEW"

    /// Ten times what is advised in 2025.
    private static let mostRounds = 10_000_000
    /// 128 MiB.
    private static let mostMemory = 128 << 20
    /// Some seconds.
    private static let mostWork = 1 << 30
    private static let saltSizes = 1...256

    func key(from passphrase: Passphrase, size: Int) throws -> SymmetricKey {
        switch self {
        case .scrypt(let salt, let cost, let blockSize, let parallelism):
            try KDF.Scrypt.deriveKey(
                from: passphrase.bytes, salt: salt, outputByteCount: size, rounds: cost, blockSize: blockSize,
                parallelism: parallelism)
        case .pbkdf2(let salt, let rounds, let hash):
            // OpenSSL's own default is 2048 rounds: whoever encrypted a file chose them.
            try KDF.Insecure.PBKDF2.deriveKey(
                from: passphrase.bytes, salt: salt, using: hash, outputByteCount: size, unsafeUncheckedRounds: rounds)
        }
    }
}

// MARK: - DER

extension KeyDerivation {
    /// HMAC's hash functions (RFC 8018, appendix B.1), the ones of today.
    private static let hashes: [ASN1ObjectIdentifier: KDF.Insecure.PBKDF2.HashFunction] = [
        [1, 2, 840, 113549, 2, 9]: .sha256, [1, 2, 840, 113549, 2, 10]: .sha384, [1, 2, 840, 113549, 2, 11]: .sha512,
    ]

    init(_ algorithm: AlgorithmIdentifier, keySize: Int) throws {
        guard let parameters = algorithm.parameters else { throw Self.unknown(algorithm.algorithm) }
        switch algorithm.algorithm {
        case .scrypt: self = try Self.scrypt(parameters, keySize)
        case .pbkdf2: self = try Self.pbkdf2(parameters, keySize)
        default: throw Self.unknown(algorithm.algorithm)
        }
    }

    private static func unknown(_ algorithm: ASN1ObjectIdentifier) -> TrustError {
        TrustError(.unsupportedKey, "encrypted with an unknown key derivation (\(algorithm)); \(remedy)")
    }

    /// scrypt-params (RFC 7914, section 7.1).
    private static func scrypt(_ parameters: ASN1Node, _ keySize: Int) throws -> KeyDerivation {
        try DER.sequence(parameters, identifier: .sequence) { nodes in
            let salt = try salt(&nodes)
            let cost = try Int(derEncoded: &nodes)
            let blockSize = try Int(derEncoded: &nodes)
            let parallelism = try Int(derEncoded: &nodes)
            try checkKeySize(&nodes, keySize)
            guard cost > 1, cost & (cost - 1) == 0, blockSize > 0, parallelism > 0 else {
                throw TrustError(.malformedKey, "scrypt with parameters that it does not have")
            }
            let (memory, overflows) = blockSize.multipliedReportingOverflow(by: 128)
            // All lanes are held at once (RFC 7914, section 6).
            let (blocks, overflow) = cost.addingReportingOverflow(parallelism)
            guard !overflows, !overflow, memory <= mostMemory, blocks <= mostMemory / memory,
                parallelism <= mostWork / memory / cost
            else {
                throw TrustError(
                    .excessiveParameters,
                    "scrypt with cost \(cost), block size \(blockSize) and parallelism \(parallelism) would take more "
                        + "than \(mostMemory >> 20) MiB or many seconds; \(remedy)")
            }
            return .scrypt(salt: salt, cost: cost, blockSize: blockSize, parallelism: parallelism)
        }
    }

    /// PBKDF2-params (RFC 8018, appendix A.2).
    private static func pbkdf2(_ parameters: ASN1Node, _ keySize: Int) throws -> KeyDerivation {
        try DER.sequence(parameters, identifier: .sequence) { nodes in
            let salt = try salt(&nodes)
            let rounds = try Int(derEncoded: &nodes)
            try checkKeySize(&nodes, keySize)
            guard rounds > 0 else { throw TrustError(.malformedKey, "PBKDF2 with no rounds") }
            guard rounds <= mostRounds else {
                throw TrustError(
                    .excessiveParameters, "PBKDF2 with \(rounds) rounds, more than \(mostRounds); \(remedy)")
            }
            guard let function = nodes.next() else {
                throw TrustError(.unsupportedKey, "PBKDF2 with SHA-1, its default; \(remedy)")
            }
            let name = try AlgorithmIdentifier(derEncoded: function).algorithm
            guard let hash = hashes[name] else {
                throw TrustError(.unsupportedKey, "PBKDF2 with an unknown or outdated hash (\(name)); \(remedy)")
            }
            return .pbkdf2(salt: salt, rounds: rounds, hash: hash)
        }
    }

    private static func salt(_ nodes: inout ASN1NodeCollection.Iterator) throws -> [UInt8] {
        let salt = Array(try ASN1OctetString(derEncoded: &nodes).bytes)
        guard saltSizes ~= salt.count else {
            throw TrustError(.excessiveParameters, "a salt of \(salt.count) bytes; \(remedy)")
        }
        return salt
    }

    /// An optional field that repeats what the cipher says.
    private static func checkKeySize(_ nodes: inout ASN1NodeCollection.Iterator, _ keySize: Int) throws {
        let size: Int? = try DER.optionalImplicitlyTagged(&nodes)
        guard size == nil || size == keySize else {
            throw TrustError(.malformedKey, "key derivation and cipher disagree about the size of the key")
        }
    }

    func algorithm() throws -> AlgorithmIdentifier {
        var serializer = DER.Serializer()
        switch self {
        case .scrypt(let salt, let cost, let blockSize, let parallelism):
            try serializer.appendConstructedNode(identifier: .sequence) { coder in
                try coder.serialize(ASN1OctetString(contentBytes: salt[...]))
                for number in [cost, blockSize, parallelism] { try coder.serialize(number) }
            }
            return AlgorithmIdentifier(.scrypt, parameters: try ASN1Any(derEncoded: serializer.serializedBytes))
        case .pbkdf2: preconditionFailure("PBKDF2 is read, never written")
        }
    }
}

extension ASN1ObjectIdentifier {
    /// `id-scrypt` (RFC 7914, section 7).
    fileprivate static let scrypt: ASN1ObjectIdentifier = [1, 3, 6, 1, 4, 1, 11591, 4, 11]
    /// `id-PBKDF2` (RFC 8018, appendix A.2).
    fileprivate static let pbkdf2: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 5, 12]
}
