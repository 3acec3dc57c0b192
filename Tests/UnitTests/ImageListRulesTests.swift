import GridModel
import StrictJSON
import Testing

@testable import ImageLists

@Suite struct ImageListRulesTests {
    private typealias Fixture = ImageListFixture

    private static let signer = Result { try signer(Fixture.subject, Fixture.issuer) }
    private static let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))
    private static let otherDigest = Digest(bytes: [UInt8](repeating: 2, count: 32))

    private static func signer(_ subject: String, _ issuer: String) throws -> Signer {
        Signer(subject: try GridName(parsing: subject), issuer: try GridName(parsing: issuer))
    }

    /// What is judged; as it stands, it is accepted.
    private struct Case {
        var list = Fixture.list()
        var signer: Signer
        var digest = ImageListRulesTests.digest
        var identifier = Fixture.identifier
        var endorser: Signer?
        var previous: (String, Digest)?
        var taken: [Int: String] = [:]
        var now = "2030-06-01T00:00:00Z"

        init() throws { signer = try ImageListRulesTests.signer.get() }

        /// The refusal's code; nil where the list is accepted.
        func refusal() throws -> ImageListError.Code? {
            let subscription = Subscription(
                name: "egi", identifier: try ListedIdentifier(parsing: identifier), authorities: "/nowhere",
                endorser: endorser, directory: "/nowhere")
            let now = try Timestamp(parsing: now)
            let seen = try previous.map {
                SeenVersion(version: try ListVersion(parsing: $0.0), digest: $0.1, accepted: now)
            }
            let taken = try Dictionary(
                uniqueKeysWithValues: taken.map { (try ListedIdentifier(parsing: Fixture.uuid($0.key)), $0.value) })
            let rules = ListRules(for: subscription, previous: seen, taken: taken, now: now)
            switch rules.judge(try Fixture.parsed(list), signer: signer, digest: digest) {
            case .success(let accepted):
                #expect(accepted.signer == signer && accepted.digest == digest)
                return nil
            case .failure(let error):
                #expect(error.message.contains("'egi'"))
                return error.code
            }
        }
    }

    @Test func aListIsValidFromItsCreationToItsExpiry() throws {
        var judged = try Case()
        for (now, code) in [
            ("2030-05-29T23:59:59Z", ImageListError.Code.notYetValid), ("2030-05-30T00:00:00Z", nil),
            ("2030-06-30T00:00:00Z", nil), ("2030-06-30T00:00:01Z", .expired), ("1970-01-01T00:00:00Z", .notYetValid),
            ("2040-06-01T00:00:00Z", .expired),
        ] {
            judged.now = now
            #expect(try judged.refusal() == code, "\(now)")
        }
    }

    @Test func theSignerIsTheEndorserThatTheListNames() throws {
        var judged = try Case()
        #expect(try judged.refusal() == nil)
        judged.signer = try Self.signer(Fixture.subject, Fixture.issuer + " 2")
        #expect(try judged.refusal() == .wrongEndorser)
        judged.signer = try Self.signer(Fixture.subject + " 2", Fixture.issuer)
        #expect(try judged.refusal() == .wrongEndorser)
        judged.signer = try Self.signer(Fixture.issuer, Fixture.subject)
        #expect(try judged.refusal() == .wrongEndorser)
    }

    @Test func theSubscriptionMayNameTheEndorser() throws {
        var judged = try Case()
        judged.endorser = judged.signer
        #expect(try judged.refusal() == nil)
        judged.endorser = try Self.signer("/DC=org/CN=Another", Fixture.issuer)
        #expect(try judged.refusal() == .wrongEndorser)
    }

    @Test func theIdentifierIsTheSubscriptions() throws {
        var judged = try Case()
        judged.identifier = Fixture.identifier.uppercased()
        #expect(try judged.refusal() == nil)
        judged.identifier = Fixture.uuid(1)
        #expect(try judged.refusal() == .wrongIdentifier)
    }

    @Test func versionsDoNotGoBack() throws {
        var judged = try Case()
        for (previous, code) in [
            ("1.1", nil), ("1.2", nil), ("1.3", ImageListError.Code.olderVersion), ("1.10", .olderVersion),
        ] {
            judged.previous = (previous, Self.digest)
            #expect(try judged.refusal() == code, "\(previous)")
        }
    }

    @Test func anEqualVersionHasEqualContent() throws {
        var judged = try Case()
        for same in ["1.2", "1.02", "1-2"] {
            judged.previous = (same, Self.digest)
            #expect(try judged.refusal() == nil)
            judged.previous = (same, Self.otherDigest)
            #expect(try judged.refusal() == .changedContent)
        }
        judged.previous = ("1.1", Self.otherDigest)
        #expect(try judged.refusal() == nil)
    }

    @Test func anImageOfAnEarlierListIsNotTakenOver() throws {
        var judged = try Case()
        judged.taken = [2: "hepix"]
        #expect(try judged.refusal() == nil)
        judged.taken = [1: "hepix"]
        #expect(try judged.refusal() == .duplicateImage)
    }

    @Test func timesAreJudgedLast() throws {
        var judged = try Case()
        judged.now = "2040-06-01T00:00:00Z"
        judged.taken = [1: "hepix"]
        #expect(try judged.refusal() == .duplicateImage)
    }
}

@Suite struct ImageListVersionTests {
    /// Each is lower than the next.
    @Test(arguments: [
        ["1", "2", "10", "99999999999999999999998", "99999999999999999999999"], ["1.9", "1.10", "1.10.0", "2"],
        ["20260131.2", "20260131.10", "20260201.1"], ["1.rc1", "1.rc2", "1.0", "1.0-rc", "1.0-1"], ["v1", "0"],
        ["1..1", "1.a", "1.0"], ["0", "0.0"],
    ])
    func versionsAreOrdered(texts: [String]) throws {
        let versions = try texts.map { try ListVersion(parsing: $0) }
        for left in versions.indices {
            for right in versions.indices {
                #expect((versions[left] < versions[right]) == (left < right), "\(texts[left]) \(texts[right])")
                #expect((versions[left] == versions[right]) == (left == right))
            }
        }
    }

    @Test(arguments: [("1.07", "1.7"), ("1-2", "1.2"), ("1,2/3", "1.2-3"), ("000", "0")])
    func versionsThatMeanTheSameAreEqual(left: String, right: String) throws {
        let (left, right) = (try ListVersion(parsing: left), try ListVersion(parsing: right))
        #expect(left == right && !(left < right) && !(right < left) && left.hashValue == right.hashValue)
        #expect(left.description != right.description)
    }

    @Test(arguments: ["", " ", "1 2", "1\n", "1.ü", String(repeating: "1", count: 129)])
    func whatIsNoVersionIsRefused(text: String) throws {
        #expect(throws: ImageListError.self) { try ListVersion(parsing: text) }
    }
}

@Suite struct ImageListNameTests {
    @Test func spellingsOfOneNameAreEqual() throws {
        for (left, right) in [
            ("/DC=ch/CN=M\\xC3\\xBCller", "/DC=ch/CN=Müller"),
            ("/DC=ch/CN=host\\/a.example", "/DC=ch/CN=host/a.example"),
            ("/CN=a/E=a@b.example", "/CN=a/emailAddress=a@b.example"), ("/CN=a/Email=a@b", "/CN=a/emailAddress=a@b"),
            ("/CN=a/USERID=b", "/CN=a/UID=b"),
        ] {
            #expect(try GridName(parsing: left) == GridName(parsing: right))
        }
        #expect(try GridName(parsing: "/CN=a") != GridName(parsing: "/CN=A"))
        #expect(try GridName(parsing: "/CN=a") != GridName(parsing: "/CN=a "))
    }

    @Test(arguments: ["", "/", "CN=a", "CN=a,DC=ch", "/a", "/CN=a\n", "/CN=\\x1b[2J", "//CN=a"])
    func whatIsNoNameIsRefused(text: String) throws {
        #expect(throws: ImageListError.self) { try GridName(parsing: text) }
    }

    @Test func aCertificatesNameThatReadsLikeAnotherIsRefused() throws {
        #expect(try GridName(attributes: ["DC=ch", "CN=Robot: a/b"]).description == "/DC=ch/CN=Robot: a/b")
        for attribute in ["CN=a/CN=b", "CN=a\\xC3", "CN=a/E=b"] {
            #expect(throws: ImageListError(.unsuitableSigner, "")) { try GridName(attributes: ["DC=ch", attribute]) }
        }
        #expect(throws: ImageListError.self) { try GridName(attributes: []) }
    }
}

@Suite struct ImageListMessageTests {
    private func code(_ text: String) -> ImageListError.Code? {
        do { try SignedMessage.check(Array(text.utf8)) } catch { return (error as? ImageListError)?.code }
        return nil
    }

    @Test func onlyASignedMessageGoesToOpenSSL() {
        #expect(code("MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=a\n\nx") == nil)
        #expect(code("content-type:\r\n MULTIPART/SIGNED;\r\n\tboundary=a\r\n\r\nx") == nil)
        for text in ["{}", " \r\n{\"hv:imagelist\": {}}", "[]"] { #expect(code(text) == .unsigned) }
        for text in [
            "", "\n", "<html>", "Content-Type: application/pkcs7-mime\n\nx", "Content-Type: text/plain\n\n{}",
            "Content-Type: multipart/signed; boundary=a",
            "Content-Type: multipart/signed\nContent-Type: text/plain\n\nx",
            String(repeating: "A: b\n", count: 20000) + "Content-Type: multipart/signed\n\nx",
        ] {
            #expect(code(text) == .malformedMessage, "\(text.prefix(60))")
        }
    }

    @Test func theTextOfTheSignedPartIsFound() throws {
        for (part, text) in [
            ("{}\r\n", "{}\r\n"), ("\r\n{}", "\r\n{}"), ("Content-Type: text/plain\r\n\r\n{}", "{}"),
            ("Content-Type: application/json; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n[]", "[]"),
        ] {
            #expect(try SignedMessage.text(of: Array(part.utf8)) == Array(text.utf8))
        }
        for part in [
            "", "x", "Content-Type: text/html\r\n\r\n{}", "Content-Transfer-Encoding: base64\r\n\r\ne30=",
            "Content-Type: text/plain\r\n{}",
        ] {
            #expect(throws: ImageListError(.malformedMessage, "")) { try SignedMessage.text(of: Array(part.utf8)) }
        }
    }
}
