import Foundation
import Testing

@testable import Trust

@Suite struct TrustEncryptionTests {
    private func encrypted(_ pem: String) throws -> EncryptedPrivateKey {
        guard case .encrypted(let key) = try TrustFixture.document(pem) else {
            throw TrustError(.malformedKey, "not encrypted")
        }
        return key
    }

    @Test(arguments: KeyType.allCases) func opensslOpensOurEncryptedKeys(_ type: KeyType) throws {
        try TrustFixture.withDirectory { directory in
            let key = PrivateKey.generate(type)
            let passphrase = try Passphrase("correct horse ü")
            let pem = try EncryptedPrivateKey(key, passphrase: passphrase).pem
            #expect(pem.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"))
            #expect(try encrypted(pem).decrypted(with: passphrase).pem == key.pem)
            try TrustFixture.write(pem.utf8, to: "\(directory)/key.pem")
            let opened = try TrustFixture.openssl(
                "pkey", "-passin", "pass:correct horse ü", "-in", "key.pem", "-pubout", in: directory)
            #expect(opened.text == key.publicKey.pem)
            let refused = try TrustFixture.openssl("pkey", "-passin", "pass:wrong", "-in", "key.pem", in: directory)
            #expect(refused.status != 0)
        }
    }

    @Test func twoEncryptionsOfOneKeyDiffer() throws {
        let key = PrivateKey.generate(.ed25519)
        let passphrase = try Passphrase("secret")
        let texts = try (0..<2).map { _ in try EncryptedPrivateKey(key, passphrase: passphrase).pem }
        #expect(texts[0] != texts[1])
    }

    @Test(arguments: [
        ["-scrypt"], ["-v2", "aes-256-cbc"], ["-v2", "aes-128-cbc"],
        ["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"],
        ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384", "-iter", "600000"],
        ["-scrypt", "-scrypt_N", "1024", "-scrypt_r", "16", "-scrypt_p", "2"],
    ]) func keysEncryptedByOpensslAreOpened(_ options: [String]) throws {
        try TrustFixture.withDirectory { directory in
            let key = PrivateKey.generate(.p256)
            try TrustFixture.write(key.pem.utf8, to: "\(directory)/plain.pem")
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments =
                ["openssl", "pkcs8", "-topk8"] + options
                + ["-passout", "pass:secret", "-in", "\(directory)/plain.pem", "-out", "\(directory)/key.pem"]
            try process.run()
            process.waitUntilExit()
            let text = String(decoding: try TrustFixture.read("\(directory)/key.pem"), as: UTF8.self)
            #expect(try encrypted(text).decrypted(with: try Passphrase("secret")).pem == key.pem)
            let fault = try TrustFixture.fault { try encrypted(text).decrypted(with: try Passphrase("Secret")) }
            #expect(fault.code == .wrongPassphrase && fault.message.contains("test: "))
        }
    }

    @Test func keysOfGenpkeyAreOpened() throws {
        try TrustFixture.withDirectory { directory in
            let made = try TrustFixture.openssl(
                "genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:secret", "-out", "key.pem", in: directory)
            try #require(made.status == 0, "\(made.text)")
            let text = String(decoding: try TrustFixture.read("\(directory)/key.pem"), as: UTF8.self)
            #expect(try encrypted(text).decrypted(with: try Passphrase("secret")).type == .ed25519)
        }
    }

    @Test func outdatedEncryptionsAreRefusedWithTheRemedy() throws {
        try TrustFixture.withDirectory { directory in
            try TrustFixture.write(TrustFixture.rfc8032.utf8, to: "\(directory)/plain.pem")
            for option in [["-v2", "des3"], ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"]] {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments =
                    ["openssl", "pkcs8", "-topk8"] + option
                    + ["-passout", "pass:secret", "-in", "\(directory)/plain.pem", "-out", "\(directory)/key.pem"]
                try process.run()
                process.waitUntilExit()
                let text = String(decoding: try TrustFixture.read("\(directory)/key.pem"), as: UTF8.self)
                let fault = try TrustFixture.fault { try encrypted(text) }
                #expect(fault.code == .unsupportedKey && fault.message.contains("openssl pkcs8 -topk8 -scrypt"))
            }
        }
    }

    /// One wrong passphrase in 256 leaves well-formed padding.
    @Test func everyWrongPassphraseHasOneCode() throws {
        let text = TestDER.encryptedKey(
            TestDER.pbkdf2, TestDER.octets([1, 2, 3, 4, 5, 6, 7, 8]), TestDER.integer(1),
            TestDER.sequence(TestDER.identifier(TestDER.sha256)))
        let key = try encrypted(text)
        for number in 0..<2000 {
            let fault = try TrustFixture.fault { try key.decrypted(with: try Passphrase("\(number)")) }
            #expect(fault.code == .wrongPassphrase)
        }
    }
}

// MARK: - Hostile parameters

extension TrustEncryptionTests {
    private static let salt = TestDER.octets([1, 2, 3, 4, 5, 6, 7, 8])
    private static let hash = TestDER.sequence(TestDER.identifier(TestDER.sha256))

    @Test func parametersThatTakeTooLongAreRefused() throws {
        let integer = TestDER.integer
        let texts =
            [10_000_001, Int.max].map {
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer($0), Self.hash)
            }
            + [
                (1 << 20, 8, 1), (1 << 62, 1, 1), (2, 1 << 60, 1), (16384, 8, 1 << 40), (2, 1, Int.max),
                (2, 1, 4_194_304),
            ].map {
                TestDER.encryptedKey(TestDER.scrypt, Self.salt, integer($0), integer($1), integer($2))
            } + [
                TestDER.encryptedKey(TestDER.pbkdf2, TestDER.octets([]), integer(1), Self.hash),
                TestDER.encryptedKey(
                    TestDER.scrypt, TestDER.octets([UInt8](repeating: 1, count: 257)), integer(2), integer(1),
                    integer(1)),
            ]
        for text in texts {
            #expect(try TrustFixture.fault { try TrustFixture.document(text) }.code == .excessiveParameters)
        }
    }

    /// The example of RFC 7914, section 13, takes 1 GiB.
    @Test func theExampleOfRFC7914IsTooLarge() throws {
        let text = TrustFixture.pem(
            "ENCRYPTED PRIVATE KEY", "MIHiME0GCSqGSIb3DQEFDTBAMB8GCSsGAQQB2kcECzASBAVNb3VzZQIDEAAAAgEI",
            "AgEBMB0GCWCGSAFlAwQBKgQQyYmguHMsOwzGMPoyObk/JgSBkJb47EWd5iAqJlyy",
            "+ni5ftd6gZgOPaLQClL7mEZc2KQay0VhjZm/7MbBUNbqOAXNM6OGebXxVp6sHUAL",
            "iBGY/Dls7B1TsWeGObE0sS1MXEpuREuloZjcsNVcNXWPlLdZtkSH6uwWzR0PyG/Z",
            "+ZXfNodZtd/voKlvLOw5B3opGIFaLkbtLZQwMiGtl42AS89lZg==")
        let fault = try TrustFixture.fault { try TrustFixture.document(text) }
        #expect(fault.code == .excessiveParameters && fault.message.contains("128 MiB"))
    }

    @Test func parametersWithoutSenseAreRefused() throws {
        let integer = TestDER.integer
        let malformed =
            [(0, 8, 1), (1, 8, 1), (3, 8, 1), (16384, 0, 1), (16384, 8, 0)].map {
                TestDER.encryptedKey(TestDER.scrypt, Self.salt, integer($0), integer($1), integer($2))
            } + [
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer(0), Self.hash),
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, TestDER.node(2, [255]), Self.hash),
                TestDER.encryptedKey(
                    TestDER.pbkdf2, Self.salt, TestDER.node(2, [UInt8](repeating: 127, count: 9)), Self.hash),
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer(1), integer(16), Self.hash),
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer(1), Self.hash, vector: 8),
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer(1), Self.hash, ciphertext: 0),
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer(1), Self.hash, ciphertext: 17),
                TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer(1), Self.hash, integer(1)),
                TestDER.encryptedKey(TestDER.pbkdf2),
            ]
        for text in malformed {
            #expect(try TrustFixture.fault { try TrustFixture.document(text) }.code == .malformedKey)
        }
        let unsupported = [
            TestDER.encryptedKey(scheme: "2a864886f70d010503", TestDER.pbkdf2, Self.salt, integer(1), Self.hash),
            TestDER.encryptedKey("2a0304", Self.salt, integer(1), Self.hash),
            TestDER.encryptedKey(TestDER.pbkdf2, Self.salt, integer(1), Self.hash, cipher: "2a0304"),
            TestDER.encryptedKey(
                TestDER.pbkdf2, Self.salt, integer(1), TestDER.sequence(TestDER.identifier("2a0304"))),
        ]
        for text in unsupported {
            #expect(try TrustFixture.fault { try TrustFixture.document(text) }.code == .unsupportedKey)
        }
    }

    @Test func passphrasesAreOneTypedLine() throws {
        #expect(try TrustFixture.fault { try Passphrase("") }.message.contains("--no-passphrase"))
        for text in ["a\nb", "a\r", "\0", String(repeating: "x", count: 1024)] {
            #expect(try TrustFixture.fault { try Passphrase(text) }.code == .invalidPassphrase)
        }
        let passphrase = try Passphrase("hidden")
        #expect(!"\(passphrase) \(String(reflecting: passphrase))".contains("hidden"))
        var dumped = ""
        dump(passphrase, to: &dumped)
        #expect(!dumped.contains("104") && !dumped.contains("hidden"))
    }
}
