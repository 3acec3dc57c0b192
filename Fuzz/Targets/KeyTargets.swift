@testable import Trust

extension FuzzTarget {
    static let keys = [
        FuzzTarget("envelope", refusals: TrustError.self) { bytes in
            let envelope = try Envelope(decoding: bytes, source: "fuzz")
            let again = try Envelope(decoding: try envelope.encoded(), source: "again")
            try BrokenPromise.unless(again == envelope, "an envelope is another when it is written and read")
            if case .success = envelope.verify(as: envelope.payloadType, by: [stranger]) {
                throw BrokenPromise(description: "a key that nobody has signed it")
            }
        },
        FuzzTarget("key-pem", refusals: TrustError.self) { bytes in
            do { try checkPublic(bytes) } catch is TrustError { try checkPrivate(bytes) }
        },
        FuzzTarget("key-der", refusals: TrustError.self) { bytes in
            do { try checkPublic(Array(PEM.write(PEM.publicKey, bytes).utf8)) } catch is TrustError {}
            do { try checkPrivate(Array(PEM.write(PEM.privateKey, bytes).utf8)) } catch is TrustError {}
            try checkPrivate(Array(PEM.write(PEM.encryptedPrivateKey, bytes).utf8))
        },
    ]

    private static let stranger = PrivateKey.generate(.ed25519).publicKey

    private static func checkPublic(_ pem: [UInt8]) throws {
        let key = try PublicKey(pem: pem, source: "fuzz")
        let again = try PublicKey(pem: Array(key.pem.utf8), source: "again")
        try BrokenPromise.unless(again.id == key.id, "a public key has another id when it is written and read")
    }

    private static func checkPrivate(_ pem: [UInt8]) throws {
        guard case .plain(let key) = try PrivateKeyDocument(pem: pem, source: "fuzz") else { return }
        guard case .plain(let again) = try PrivateKeyDocument(pem: Array(key.pem.utf8), source: "again") else {
            throw BrokenPromise(description: "a plain key is encrypted when it is written and read")
        }
        try BrokenPromise.unless(
            again.publicKey == key.publicKey, "a private key is another when it is written and read")
    }
}
