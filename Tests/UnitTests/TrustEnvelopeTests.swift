import Foundation
import Testing

@testable import StrictJSON
@testable import Trust

@Suite struct TrustEnvelopeTests {
    private static let type = "http://example.com/HelloWorld"
    private static let hello = Array("hello world".utf8)
    private static let keys: [PrivateKey] = [.generate(.ed25519), .generate(.p256), .generate(.ed25519)]

    private func envelope(_ json: String) throws -> Envelope {
        try Envelope(decoding: Array(json.utf8), source: "test")
    }

    private func refusal(
        _ envelope: Envelope, as type: String = type, by keys: [PublicKey], threshold: Int = 1
    ) throws -> TrustError {
        switch envelope.verify(as: type, by: keys, threshold: threshold) {
        case .success: throw TrustError(.malformedEnvelope, "it verifies")
        case .failure(let error): return error
        }
    }

    private func signed(by keys: PrivateKey...) throws -> Envelope {
        var envelope = Envelope(payloadType: Self.type, payload: Self.hello)
        for key in keys { try envelope.sign(with: key) }
        return envelope
    }

    @Test func whatIsSignedIsAsDSSESays() {
        func text(_ type: String, _ payload: String) -> String {
            String(
                decoding: Envelope.preAuthenticationEncoding(type: type, payload: Array(payload.utf8)), as: UTF8.self)
        }
        #expect(text(Self.type, "hello world") == "DSSEv1 29 http://example.com/HelloWorld 11 hello world")
        #expect(text("", "") == "DSSEv1 0  0 ")
        // Lengths are in bytes.
        #expect(text("ü", "é ") == "DSSEv1 2 ü 3 é ")
    }

    /// The envelope of protocol.md, its signature in DER as securesystemslib writes it. There, r and s stand side by side.
    @Test func theExampleOfDSSEIsVerified() throws {
        let key = try TrustFixture.key(TrustFixture.dsse).publicKey
        let der =
            "MEQCIANyarEBrVbCdjtsaqyOSHJ14qeRk6CdxfhZ2fjvPEo7AiBR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
        let example = """
            {"payload": "aGVsbG8gd29ybGQ=",
             "payloadType": "http://example.com/HelloWorld",
             "signatures": [{"sig": "\(der)"}]}
            """
        let verified = try envelope(example).verify(as: Self.type, by: [key]).get()
        #expect(verified == VerifiedPayload(bytes: Self.hello, signers: [key.id]))
        let raw = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
        let other = try envelope(example.replacingOccurrences(of: der, with: raw))
        #expect(try refusal(other, by: [key]).code == .notTrusted)
    }

    /// Made by securesystemslib 1.6.0, whose key ids are another scheme.
    @Test func envelopesOfSecuresystemslibAreVerified() throws {
        let keys = try [
            TrustFixture.pem("PUBLIC KEY", "MCowBQYDK2VwAyEAMCSLyxq/omwfxVBEqRlxT+gqpSINSmC8btfZtvvspVg="),
            TrustFixture.pem(
                "PUBLIC KEY", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZCa7tlsoR1kc1t3GR6sOJLYy2lcn",
                "ti7ltdJZiCXUHlkbmMLM1H5YcYwnODwYCFOehWHUc+CLE0jFpihYK5SqyQ=="),
        ].map(TrustFixture.publicKey)
        let envelope = try envelope(
            """
            {"payload": "ZnJvbSBweXRob24=", "payloadType": "text/x", "signatures": [
              {"keyid": "5d7df5485fb69d95ddacfdd0db6acf4e7e689f161683fbd49e4346af07bca2ec",
               "sig": "pfkAyNs1GLdKx1ab5UuKpFy2wnNx62PNnIBCOeqv0N8c277qkbh4e5MHMe4y/LDWA+HhQqqYERxZC8xIctXQCQ=="},
              {"keyid": "88a113f7af15de4214ff1e3ef7fb4f0bc1ca4433f150adc226ffd304e3873331",
               "sig": "MEYCIQCAiy1PDbJaU9CFUbfHm5FS0GWlhosNs/UhqLkqD3j5HAIhAI//qi86qjAf3nJFDRiWSI8Tx/DRJz08pPkxbHgfJyLw"}]}
            """)
        let verified = try envelope.verify(as: "text/x", by: keys, threshold: 2).get()
        #expect(verified.bytes == Array("from python".utf8) && verified.signers == keys.map(\.id).sorted())
    }

    @Test func envelopesSurviveTheirJSON() throws {
        let envelope = try signed(by: Self.keys[0], Self.keys[1])
        let bytes = try envelope.encoded()
        #expect(try Envelope(decoding: bytes, source: "test") == envelope)
        let json = try StrictJSON.decode(JSONValue.self, from: bytes, source: "test")
        #expect(json["payload"] == "aGVsbG8gd29ybGQ=" && json["payloadType"]?.string == Self.type)
        #expect(json["signatures"]?.array?.map { $0["keyid"]?.string } == Self.keys.prefix(2).map(\.publicKey.id.hex))
        #expect(json.object?.count == 3 && json["signatures"]?[0]?.object?.count == 2)
    }

    @Test func signersAreNamed() throws {
        let publicKeys = Self.keys.map(\.publicKey)
        let envelope = try signed(by: Self.keys[0], Self.keys[1])
        let verified = try envelope.verify(as: Self.type, by: publicKeys, threshold: 2).get()
        #expect(verified.signers == publicKeys.prefix(2).map(\.id).sorted() && verified.bytes == Self.hello)
        let fault = try refusal(envelope, by: publicKeys, threshold: 3)
        #expect(fault.code == .notTrusted && fault.message.contains("2 of 3 wanted keys"))
        #expect(try refusal(envelope, by: [publicKeys[2]]).message.contains(publicKeys[0].id.hex))
        #expect(try refusal(envelope, by: []).code == .notTrusted)
        #expect(
            try refusal(Envelope(payloadType: Self.type, payload: []), by: publicKeys).message.contains("not signed"))
    }

    @Test func oneKeyCountsOnce() throws {
        let key = Self.keys[1]
        var envelope = try signed(by: key, key)
        #expect(envelope.signatures.count == 1)
        // Two different signatures of one key (ECDSA is not deterministic), under three names.
        let more = try (0..<3).map { number in
            let signature = try #require(try signed(by: key).signatures.first)
            let name = ["", "someone", key.publicKey.id.hex][number]
            return #"{"keyid":"\#(name)","sig":"\#(Base64.encode(signature.bytes))"}"#
        }
        envelope = try self.envelope(
            #"{"payload":"aGVsbG8gd29ybGQ=","payloadType":"\#(Self.type)","#
                + #""signatures":[\#(more.joined(separator: ","))]}"#
        )
        #expect(envelope.signatures.count == 3)
        let listed = [key.publicKey, key.publicKey, Self.keys[0].publicKey]
        #expect(try envelope.verify(as: Self.type, by: listed).get().signers == [key.publicKey.id])
        #expect(try refusal(envelope, by: listed, threshold: 2).code == .notTrusted)
    }

    @Test func hintsDecideNothing() throws {
        let signer = Self.keys[0].publicKey
        let good = try #require(try signed(by: Self.keys[0]).signatures.first)
        for hint in ["", #""keyid":"","#, #""keyid":"0123","#, #""keyid":"\#(Self.keys[1].publicKey.id)","#] {
            let signature = #"{\#(hint)"sig":"\#(Base64.encode(good.bytes))"}"#
            let envelope = try envelope(
                #"{"payload":"aGVsbG8gd29ybGQ=","payloadType":"\#(Self.type)","signatures":[\#(signature)]}"#)
            #expect(try envelope.verify(as: Self.type, by: [signer]).get().signers == [signer.id])
            #expect(try refusal(envelope, by: [Self.keys[1].publicKey]).code == .notTrusted)
        }
    }

    @Test func changedEnvelopesAreRefused() throws {
        let key = Self.keys[0]
        let text = String(decoding: try signed(by: key).encoded(), as: UTF8.self)
        let forged = [
            text.replacingOccurrences(of: "aGVsbG8gd29ybGQ=", with: "aGVsbG8gd29ybGU="),
            text.replacingOccurrences(of: "HelloWorld", with: "HelloWorlds"),
        ]
        for text in forged { #expect(try refusal(envelope(text), by: [key.publicKey]).code == .notTrusted) }
        let other = try Envelope(signing: Self.hello, as: "application/other\u{1b}[2J", with: key)
        let fault = try refusal(other, by: [key.publicKey])
        #expect(fault.code == .wrongPayloadType && !fault.message.contains("\u{1b}"))
    }

    @Test func envelopesOfAnotherFormAreRefused() throws {
        let many = String(repeating: #",{"sig":"aGVs"}"#, count: 64)
        let faults = [
            "", "[]", "null", #"{"payload":"","signatures":[]}"#, #"{"payloadType":1,"payload":"","signatures":[]}"#,
            #"{"payloadType":"a","payload":"aGVsbG8","payload":"aGVsbG8"}"#,
            #"{"payloadType":"a","payload":"a"}"#, #"{"payloadType":"a","payload":"aGVs bG8="}"#,
            #"{"payloadType":"a","payload":"aGVsbG8=\n"}"#, #"{"payloadType":"a","payload":["aGVsbG8="]}"#,
            #"{"payloadType":"a","payload":"aGVsbG8=","signatures":[{"keyid":"a"}]}"#,
            #"{"payloadType":"a","payload":"aGVsbG8=","signatures":[{"sig":"!"}]}"#,
            #"{"payloadType":"a","payload":"aGVsbG8=","signatures":{"sig":""}}"#,
            #"{"payloadType":"a","payload":"aGVsbG8=","signatures":[{"sig":"aGVs"}\#(many)]}"#,
        ]
        for text in faults { #expect(try TrustFixture.fault { try envelope(text) }.code == .malformedEnvelope) }
        let large = Array(#"{"payloadType":"a","payload":"\#(String(repeating: "A", count: 64 << 20))"}"#.utf8)
        let fault = try TrustFixture.fault { try Envelope(decoding: large, source: "large") }
        #expect(fault.description.contains("large"))
        // Fields may be missing where they are empty, and others may be there.
        let least = try envelope(#"{"payloadType":"a","more":{"x":[1]}}"#)
        #expect(least.payload.isEmpty && least.signatures.isEmpty)
    }

    @Test func base64IsReadInBothAlphabets() throws {
        var bytes: [UInt8] = []
        for length in 0..<70 {
            let standard = Data(bytes).base64EncodedString()
            #expect(Base64.encode(bytes) == standard)
            let safe = standard.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            for text in [standard, safe, safe.replacingOccurrences(of: "=", with: "")] {
                #expect(Base64.decode(text) == bytes)
            }
            bytes.append(UInt8(truncatingIfNeeded: length &* 197 &+ 251))
        }
        for text in ["=", "==", "A", "A=", "A===", "AB", "AB==", "AAB=", "AA=A", "AAA==", "A\u{e9}==", "AAAA="] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
    }
}
