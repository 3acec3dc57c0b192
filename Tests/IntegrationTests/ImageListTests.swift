import Foundation
import GridModel
import Linux
import StrictJSON
import Testing

@testable import ImageLists

/// What openssl is asked, and what it answers: each refusal beside a list that is accepted.
@Suite struct ImageListSignatureTests {
    private let authorities: ImageListAuthorities
    private let place: Scratch
    private let trusted: String

    private static let payload = "{\"hv:imagelist\":\n{\"a\": 1}}\n"

    init() throws {
        authorities = try ImageListAuthorities.shared.get()
        place = try Scratch()
        trusted = try authorities.directory(in: place)
    }

    @discardableResult
    private func verify(
        _ message: [UInt8], by directory: String? = nil, at now: String = ImageListAuthorities.now,
        openSSL: OpenSSL = OpenSSL()
    ) throws -> SignedList {
        try SignedList(
            verifying: message, authorities: directory ?? trusted, now: try Timestamp(parsing: now), openSSL: openSSL)
    }

    private func expectRefusal(
        _ code: ImageListError.Code = .unverified, _ reason: String = "",
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws -> Void
    ) throws {
        let fault = try #require(throws: ImageListError.self, sourceLocation: sourceLocation) { try body() }
        #expect(
            fault.code == code && (reason.isEmpty || fault.description.contains(reason)), "\(fault)",
            sourceLocation: sourceLocation)
    }

    @Test func whatWasSignedAndByWhom() throws {
        let message = try authorities.sign(Self.payload)
        let signed = try verify(message)
        #expect(String(decoding: signed.payload, as: UTF8.self) == Self.payload.replacing("\n", with: "\r\n"))
        #expect(signed.signer.subject.description == ImageListAuthorities.endorser)
        #expect(signed.signer.issuer.description == ImageListAuthorities.issuer)
        // Servers and mail programs change line ends.
        let served = String(decoding: message, as: UTF8.self).replacing("\r\n", with: "\n")
        for text in [served, served.replacing("\n", with: "\r\n")] {
            let again = try verify(Array(text.utf8))
            #expect(again.payload == signed.payload && again.digest == signed.digest)
        }
        // The headers of a MIME part are signed, and are no JSON.
        #expect(try verify(authorities.sign(Self.payload, options: ["-text"])).payload == signed.payload)
        #expect(
            try verify(authorities.sign(Self.payload, by: ["umlaut"])).signer.subject.description.hasSuffix("=Müller"))
    }

    @Test func aChangedPayloadIsRefused() throws {
        let message = String(decoding: try authorities.sign(Self.payload), as: UTF8.self)
        try verify(Array(message.utf8))
        try expectRefusal { try verify(Array(message.replacing("\"a\": 1", with: "\"a\": 2").utf8)) }
        let other = String(decoding: try authorities.sign(Self.payload + " "), as: UTF8.self)
        let boundary = try #require(message.firstRange(of: "Content-Type: application/pkcs7-signature"))
        let otherBoundary = try #require(other.firstRange(of: "Content-Type: application/pkcs7-signature"))
        try expectRefusal(.unverified) {
            try verify(Array((message[..<boundary.lowerBound] + other[otherBoundary.lowerBound...]).utf8))
        }
    }

    @Test func onlyTheNamedAuthoritiesAreTrusted() throws {
        let stranger = try authorities.sign(Self.payload, by: ["stranger"], with: ["other"])
        let both = try authorities.directory(
            in: place, certificates: ["root", "issuing", "other"], crls: ["root", "issuing"])
        try expectRefusal { try verify(stranger) }
        // Its CRL is missing there; with its own directory it is a list like any other.
        try expectRefusal { try verify(stranger, by: both) }
        let others = try authorities.directory(in: place, certificates: ["other"], crls: ["other"])
        #expect(try verify(stranger, by: others).signer.subject.description == ImageListAuthorities.endorser)
        try expectRefusal { try verify(authorities.sign(Self.payload), by: others) }
    }

    @Test func whatTheSystemTrustsIsNotTrusted() throws {
        // openssl with the root among the system's authorities, where this program does not clean its environment.
        try place.write(
            """
            #!/bin/sh
            export SSL_CERT_FILE=\(authorities.path("root.pem")) SSL_CERT_DIR=\(trusted)
            exec /usr/bin/openssl "$@"
            """, to: "openssl", executable: true)
        let openSSL = OpenSSL(program: "\(place.url.path)/openssl")
        let message = try authorities.sign(Self.payload)
        try verify(message, openSSL: openSSL)
        let empty = try authorities.directory(in: place, certificates: [], crls: ["root", "issuing"])
        try expectRefusal { try verify(message, by: empty, openSSL: openSSL) }
    }

    @Test func everyCertificateOfTheChainIsNeeded() throws {
        let bare = try authorities.sign(Self.payload, with: [])
        try verify(bare)
        let root = try authorities.directory(in: place, certificates: ["root"])
        try verify(authorities.sign(Self.payload), by: root)
        try expectRefusal { try verify(bare, by: root) }
        let issuing = try authorities.directory(in: place, certificates: ["issuing"])
        try expectRefusal { try verify(authorities.sign(Self.payload), by: issuing) }
    }

    @Test func aRevokedCertificateIsRefused() throws {
        let message = try authorities.sign(Self.payload, by: ["revoked"])
        try expectRefusal(.unverified, "revoked") { try verify(message) }
        let before = try authorities.directory(in: place, crls: ["root", "issuing-old"])
        try verify(message, by: before)
    }

    @Test func aCRLThatCameWithTheListDoesNotCount() throws {
        let message = try authorities.signWithCRL(Self.payload, by: "revoked", crl: "issuing-old")
        // openssl alone falls for it.
        try Data(message).write(to: place.url.appending(path: "list.eml"))
        let now = try Timestamp(parsing: ImageListAuthorities.now).seconds
        let options = [
            "cms", "-verify", "-in", place.url.appending(path: "list.eml").path, "-out", "/dev/null", "-CApath",
            trusted,
            "-crl_check_all", "-attime", "\(now)",
        ]
        try authorities.openssl(options)
        try expectRefusal(.unverified, "revoked") { try verify(message) }
        // Nor does it stand in for one that is missing.
        let good = try authorities.signWithCRL(Self.payload, by: "endorser", crl: "issuing")
        try verify(good)
        let missing = try authorities.directory(in: place, crls: ["root"])
        try expectRefusal(.unverified, "CRL") { try verify(good, by: missing) }
    }

    @Test func everyCRLOfTheChainIsNeeded() throws {
        let message = try authorities.sign(Self.payload)
        try verify(message)
        for crls in [["root"], ["issuing"], []] {
            let directory = try authorities.directory(in: place, crls: crls)
            try expectRefusal(.unverified, "CRL") { try verify(message, by: directory) }
        }
    }

    @Test func certificatesAndCRLsHaveTheirTime() throws {
        let message = try authorities.sign(Self.payload)
        for (now, reason) in [
            ("2030-03-02T00:00:00Z", nil), ("2030-06-19T23:00:00Z", nil), ("2030-06-20T01:00:00Z", "CRL has expired"),
            ("2030-02-01T00:00:00Z", "CRL is not yet valid"), ("2025-06-01T00:00:00Z", "not yet valid"),
            ("2045-06-01T00:00:00Z", "expired"), ("1970-01-01T00:00:00Z", "not yet valid"),
            ("9999-01-01T00:00:00Z", "expired"),
        ] {
            guard let reason else {
                try verify(message, at: now)
                continue
            }
            try expectRefusal(.unverified, reason) { try verify(message, at: now) }
        }
        let expired = try authorities.sign(Self.payload, by: ["expired"])
        try verify(expired, at: "2030-04-30T00:00:00Z")
        try expectRefusal(.unverified, "certificate has expired") { try verify(expired) }
    }

    @Test func thereIsOneSignerAndHisNameIsClear() throws {
        try verify(authorities.sign(Self.payload, by: ["colleague"]))
        try expectRefusal(.unsuitableSigner, "2 signatures") {
            try verify(authorities.sign(Self.payload, by: ["endorser", "colleague"]))
        }
        try expectRefusal(.unverified) { try verify(authorities.messageWithoutSigner(Self.payload)) }
        try expectRefusal(.unsuitableSigner, "reads like several") {
            try verify(authorities.sign(Self.payload, by: ["lure"]))
        }
    }

    @Test func certificatesSuitTheirPurpose() throws {
        try verify(authorities.sign(Self.payload, by: ["robot"]))
        try expectRefusal(.unverified, "purpose") { try verify(authorities.sign(Self.payload, by: ["server"])) }
        try expectRefusal(.unverified, "too weak") { try verify(authorities.sign(Self.payload, by: ["weak"])) }
    }

    @Test func whatIsNoSignedMessageIsRefused() throws {
        try expectRefusal(.unsigned, "without a signature") { try verify(Array(Self.payload.utf8)) }
        try expectRefusal(.malformedMessage) { try verify(Array("<html>".utf8)) }
        try expectRefusal(.malformedMessage) { try verify(authorities.sign(Self.payload, options: ["-nodetach"])) }
        let message = try authorities.sign(Self.payload)
        let limit = SignedList.byteLimit
        try verify(message + [UInt8](repeating: 10, count: limit - message.count))
        try expectRefusal(.tooLarge) { try verify(message + [UInt8](repeating: 10, count: limit)) }
        for length in stride(from: 0, to: message.count - 100, by: 97) {
            #expect(throws: ImageListError.self) { try verify(Array(message[..<length])) }
        }
    }

    @Test(arguments: ["", "-noverify", "certificates", "/nowhere", "/etc/passwd", "/tmp:/etc"])
    func whatIsNoDirectoryOfAuthoritiesIsRefused(path: String) throws {
        let message = try authorities.sign(Self.payload)
        try expectRefusal(.unverified, "no directory") { try verify(message, by: path) }
    }

    @Test func opensslIsBounded() throws {
        let message = try authorities.sign(Self.payload)
        for (script, code) in [
            ("exec tail -f /dev/null", ImageListError.Code.toolFailed), ("exec cat /dev/zero", .tooLarge),
            ("exec cat /dev/zero >&2", .tooLarge), ("head -c 100000 /dev/zero", .tooLarge),
            ("exit 0", .unsuitableSigner),
            ("kill -9 $$", .toolFailed),
        ] {
            try place.write("#!/bin/sh\n\(script)\n", to: "openssl", executable: true)
            let openSSL = OpenSSL(program: "\(place.url.path)/openssl", deadline: .seconds(2))
            try expectRefusal(code) { try verify(message, openSSL: openSSL) }
        }
    }
}
