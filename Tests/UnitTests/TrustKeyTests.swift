import Foundation
import Testing

@testable import Trust

@Suite struct TrustKeyTests {
    @Test func ed25519SignsAsRFC8032Says() throws {
        let key = try TrustFixture.key(TrustFixture.rfc8032)
        let signature = TrustFixture.bytes(
            hex: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
        #expect(key.publicKey.isValid(signature, for: [0x72]))
        #expect(!key.publicKey.isValid(signature, for: [0x73]))
        #expect(!key.publicKey.isValid(Array(signature.dropLast()), for: [0x72]))
        #expect(!key.publicKey.isValid([], for: [0x72]))
        let prefix = TrustFixture.bytes(hex: "302a300506032b6570032100")
        let raw = TrustFixture.bytes(hex: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        #expect(key.publicKey.der == prefix + raw)
    }

    @Test func keysOfRFC8410AreRead() throws {
        let publicKey = try TrustFixture.publicKey(
            TrustFixture.pem("PUBLIC KEY", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="))
        let short = try TrustFixture.key(
            TrustFixture.pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"))
        // Version 2, with an attribute and the public key.
        let long = try TrustFixture.key(
            TrustFixture.pem(
                "PRIVATE KEY", "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC",
                "oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB", "Z9w7lshQhqowtrbLDFw4rXAxZuE="))
        #expect(short.publicKey == publicKey && long.publicKey == publicKey)
    }

    @Test func keyIDIsTheHashOfThePublicKeyInfo() throws {
        let key = try TrustFixture.key(TrustFixture.dsse).publicKey
        #expect(key.id.hex == "f793580060562d6ff075d814ea698c282fcc779b0cde64d79ffc6301df00d14b")
        #expect(try KeyID(parsing: key.id.description) == key.id)
        for text in ["", "f7", String(repeating: "F", count: 64), "sha256:\(key.id)"] {
            #expect(throws: TrustError(.malformedKey, "")) { try KeyID(parsing: text) }
        }
    }

    @Test(arguments: KeyType.allCases) func keysSurviveTheirTextForms(_ type: KeyType) throws {
        let key = PrivateKey.generate(type)
        let again = try TrustFixture.key(key.pem)
        #expect(again.publicKey == key.publicKey && again.type == type && again.pem == key.pem)
        #expect(try TrustFixture.publicKey(key.publicKey.pem) == key.publicKey)
        #expect(key.publicKey.isValid(try again.sign([1, 2, 3]), for: [1, 2, 3]))
        #expect(!key.publicKey.isValid(try again.sign([1, 2, 3]), for: [1, 2]))
        #expect(!PrivateKey.generate(type).publicKey.isValid(try key.sign([1]), for: [1]))
        // Windows' line ends.
        let crlf = key.publicKey.pem.split(separator: "\n").map { $0 + "\r\n" }.joined()
        #expect(try TrustFixture.publicKey(crlf) == key.publicKey)
    }

    @Test(arguments: KeyType.allCases) func truncatedAndDamagedKeysAreRefused(_ type: KeyType) throws {
        let key = PrivateKey.generate(type)
        for length in 0..<key.publicKey.der.count {
            let text = PEM.write("PUBLIC KEY", key.publicKey.der.prefix(length))
            #expect(try TrustFixture.fault { try TrustFixture.publicKey(text) }.code == .malformedKey)
        }
        for length in 0..<key.der.count {
            let text = PEM.write("PRIVATE KEY", key.der.prefix(length))
            #expect(throws: TrustError.self) { try TrustFixture.document(text) }
        }
        for (index, bit) in (0..<key.publicKey.der.count * 8).map({ ($0 / 8, UInt8(1) << UInt8($0 % 8)) }) {
            var der = key.publicKey.der
            der[index] ^= bit
            // Another key, or none: never this one, and never a crash.
            switch Result(catching: { try TrustFixture.publicKey(PEM.write("PUBLIC KEY", der)) }) {
            case .success(let other): #expect(other != key.publicKey)
            case .failure(let error): #expect(error is TrustError)
            }
        }
        #expect(throws: TrustError.self) {
            try TrustFixture.publicKey(PEM.write("PUBLIC KEY", key.publicKey.der + [0]))
        }
    }

    @Test func otherKindsOfKeysAreRefusedWithTheRemedy() throws {
        let key = PrivateKey.generate(.ed25519)
        let mixed = try TrustFixture.fault { try TrustFixture.publicKey(key.pem) }
        #expect(
            mixed.code == .malformedKey && mixed.message.contains("public one") && mixed.message.hasPrefix("test: "))
        #expect(try TrustFixture.fault { try TrustFixture.document(key.publicKey.pem) }.message.contains("private one"))
        let old = TrustFixture.pem("EC PRIVATE KEY", "AAAA")
        #expect(try TrustFixture.fault { try TrustFixture.document(old) }.message.contains("openssl pkcs8 -topk8"))
        for text in ["", "nonsense", key.publicKey.pem + key.publicKey.pem, String(repeating: "x", count: 20_000)] {
            #expect(try TrustFixture.fault { try TrustFixture.publicKey(text) }.code == .malformedKey)
        }
        // X25519 agrees on keys; it does not sign.
        let exchange = PEM.write("PRIVATE KEY", key.der.enumerated().map { $0.offset == 11 ? 110 : $0.element })
        #expect(try TrustFixture.fault { try TrustFixture.document(exchange) }.code == .unsupportedKey)
    }

    @Test(arguments: ["rsa", "P-384", "secp256k1"]) func keysThatDoNotSignHereAreUnsupported(_ name: String) throws {
        try TrustFixture.withDirectory { directory in
            let options = name == "rsa" ? ["rsa_keygen_bits:1024"] : ["ec_paramgen_curve:\(name)"]
            let made = try TrustFixture.openssl(
                "genpkey", "-algorithm", name == "rsa" ? "RSA" : "EC", "-pkeyopt", options[0], "-out", "key.pem",
                in: directory)
            try #require(made.status == 0, "\(made.text)")
            _ = try TrustFixture.openssl("pkey", "-in", "key.pem", "-pubout", "-out", "key.pub", in: directory)
            for file in ["key.pem", "key.pub"] {
                let text = String(decoding: try TrustFixture.read("\(directory)/\(file)"), as: UTF8.self)
                let fault = try TrustFixture.fault {
                    let read: (String) throws -> Any =
                        file == "key.pub" ? TrustFixture.publicKey : TrustFixture.document
                    return try read(text)
                }
                #expect(fault.code == .unsupportedKey && fault.message.contains("ed25519 or p256"))
            }
        }
    }
}

/// OpenSSL must read what is written here, and the other way round.
@Suite struct TrustKeyOracleTests {
    @Test(arguments: KeyType.allCases) func opensslAcceptsOurKeysAndSignatures(_ type: KeyType) throws {
        try TrustFixture.withDirectory { directory in
            let key = PrivateKey.generate(type)
            let message = Array("what is signed".utf8)
            try TrustFixture.write(key.pem.utf8, to: "\(directory)/key.pem")
            try TrustFixture.write(key.publicKey.pem.utf8, to: "\(directory)/key.pub")
            try TrustFixture.write(message, to: "\(directory)/message")
            try TrustFixture.write(try key.sign(message), to: "\(directory)/signature")
            let derived = try TrustFixture.openssl("pkey", "-in", "key.pem", "-pubout", in: directory)
            #expect(derived.text == key.publicKey.pem)
            let hashed = try TrustFixture.openssl(
                "pkey", "-pubin", "-in", "key.pub", "-outform", "DER", "-out", "key.der", in: directory)
            #expect(hashed.status == 0)
            let id = try TrustFixture.openssl("dgst", "-sha256", "-r", "key.der", in: directory)
            #expect(id.text.hasPrefix(key.publicKey.id.hex))
            let verified =
                switch type {
                case .ed25519:
                    try TrustFixture.openssl(
                        "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-in", "message", "-sigfile",
                        "signature", in: directory)
                case .p256:
                    try TrustFixture.openssl(
                        "dgst", "-sha256", "-verify", "key.pub", "-signature", "signature", "message", in: directory)
                }
            #expect(verified.status == 0, "\(verified.text)")
        }
    }

    @Test(arguments: KeyType.allCases) func weAcceptKeysAndSignaturesOfOpenssl(_ type: KeyType) throws {
        try TrustFixture.withDirectory { directory in
            let made =
                switch type {
                case .ed25519:
                    try TrustFixture.openssl("genpkey", "-algorithm", "ED25519", "-out", "key.pem", in: directory)
                case .p256:
                    try TrustFixture.openssl(
                        "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem",
                        in: directory)
                }
            try #require(made.status == 0, "\(made.text)")
            let key = try TrustFixture.key(
                String(decoding: try TrustFixture.read("\(directory)/key.pem"), as: UTF8.self))
            #expect(key.type == type)
            try TrustFixture.write(Array("message".utf8), to: "\(directory)/message")
            let signed =
                switch type {
                case .ed25519:
                    try TrustFixture.openssl(
                        "pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-in", "message", "-out", "signature",
                        in: directory)
                case .p256:
                    try TrustFixture.openssl(
                        "dgst", "-sha256", "-sign", "key.pem", "-out", "signature", "message", in: directory)
                }
            #expect(signed.status == 0, "\(signed.text)")
            let signature = try TrustFixture.read("\(directory)/signature")
            #expect(key.publicKey.isValid(signature, for: Array("message".utf8)))
        }
    }

    /// One key has one id, however its point is written.
    @Test func compressedPointsNameTheSameKey() throws {
        try TrustFixture.withDirectory { directory in
            let key = try TrustFixture.key(TrustFixture.dsse)
            try TrustFixture.write(key.publicKey.pem.utf8, to: "\(directory)/key.pub")
            let written = try TrustFixture.openssl(
                "ec", "-pubin", "-in", "key.pub", "-conv_form", "compressed", "-out", "short.pub", in: directory)
            try #require(written.status == 0, "\(written.text)")
            let text = String(decoding: try TrustFixture.read("\(directory)/short.pub"), as: UTF8.self)
            #expect(try TrustFixture.publicKey(text).id == key.publicKey.id)
        }
    }
}
