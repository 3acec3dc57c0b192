import SwiftASN1

/// A private key under a passphrase: EncryptedPrivateKeyInfo (RFC 5958, section 3), as `openssl pkey` reads it.
package struct EncryptedPrivateKey: Sendable {
    private let encryption: PasswordEncryption
    private let ciphertext: [UInt8]
    private let source: String

    /// Encrypts with scrypt and AES-256-CBC. Takes a quarter of a second, on purpose.
    package init(_ key: PrivateKey, passphrase: Passphrase) throws {
        encryption = .fresh()
        ciphertext = try encryption.encrypt(key.der, passphrase)
        source = "key \(key.publicKey.id)"
    }

    /// The key; `wrongPassphrase` where this is not its passphrase.
    package func decrypted(with passphrase: Passphrase) throws -> PrivateKey {
        let wrong = TrustError(
            .wrongPassphrase, "\(source): the passphrase does not open this key (or the file is damaged); try again")
        let der: [UInt8]
        let info: PrivateKeyInfo
        do {
            der = try encryption.decrypt(ciphertext, passphrase)
            info = try PrivateKeyInfo(derEncoded: der)
        } catch {
            // One wrong passphrase in 256 leaves well-formed padding, and then bytes that are no key.
            throw wrong
        }
        return try TrustError.naming(source) { try info.key(der) }
    }

    package var pem: String {
        get throws {
            var serializer = DER.Serializer()
            try serializer.appendConstructedNode(identifier: .sequence) { coder in
                try coder.serialize(try encryption.algorithm())
                try coder.serialize(ASN1OctetString(contentBytes: ciphertext[...]))
            }
            return PEM.write(PEM.encryptedPrivateKey, serializer.serializedBytes)
        }
    }

    init(der: [UInt8], source: String) throws {
        (encryption, ciphertext) = try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
            let encryption = try PasswordEncryption(try AlgorithmIdentifier(derEncoded: &nodes))
            return (encryption, Array(try ASN1OctetString(derEncoded: &nodes).bytes))
        }
        guard !ciphertext.isEmpty, ciphertext.count % PasswordEncryption.blockSize == 0 else {
            throw TrustError(.malformedKey, "the encrypted key is cut off")
        }
        self.source = source
    }
}
