import Foundation
import GridModel
import Linux
import StrictJSON
import Testing

@testable import ImageLists

/// Lists that are followed over time: what replaces what, what is endorsed at which moment, and what tampering reaches.
@Suite struct ImageListSubscriptionTests {
    let authorities: ImageListAuthorities
    let place: Scratch
    let trusted: String
    let now: Timestamp

    init() throws {
        authorities = try ImageListAuthorities.shared.get()
        place = try Scratch()
        trusted = try authorities.directory(in: place)
        now = try Timestamp(parsing: ImageListAuthorities.now)
    }

    static let identifier = "4ba43e2b-3be2-4c1f-9f0a-27a3b0c4d5e6"
    static let otherIdentifier = "5ba43e2b-3be2-4c1f-9f0a-27a3b0c4d5e6"

    /// What a list says; as it stands, it is accepted.
    struct Contents {
        var identifier = ImageListSubscriptionTests.identifier
        var version = "1"
        var images = [1, 2]
        var title = "Images"
        var created = "2030-05-30T00:00:00Z"
        var expires = "2030-06-15T00:00:00Z"
        var subject = ImageListAuthorities.endorser
        var issuer = ImageListAuthorities.issuer

        func json() throws -> String {
            let images = images.map { number -> JSONValue in
                let image: JSONValue = [
                    "dc:identifier": .string(uuid(number)), "dc:title": "Image", "dc:description": "",
                    "hv:uri": "http://a.example/b", "hv:size": "1", "hv:version": "1", "hv:hypervisor": "KVM",
                    "sl:arch": "x86_64", "sl:os": "Linux", "sl:osversion": "12", "sl:comments": "",
                    "sl:checksum:sha512": .string(checksum(number).description),
                ]
                return ["hv:image": image]
            }
            let person: JSONValue = [
                "hv:dn": .string(subject), "hv:ca": .string(issuer), "hv:email": "a@b.example", "dc:creator": "A",
            ]
            let list: JSONValue = [
                "dc:date:created": .string(created), "dc:date:expires": .string(expires),
                "dc:identifier": .string(identifier), "dc:description": "", "dc:title": .string(title),
                "dc:source": "a", "hv:version": .string(version), "hv:uri": "http://a.example/list",
                "hv:endorser": ["hv:x509": person], "hv:images": .array(images),
            ]
            let document: JSONValue = ["hv:imagelist": list]
            return String(decoding: try StrictJSON.encode(document, pretty: true), as: UTF8.self)
        }
    }

    static func uuid(_ number: Int) -> String { "00000000-0000-4000-8000-\(100_000_000_000 + number)" }
    static func checksum(_ number: Int) -> ImageChecksum { ImageChecksum(of: Array("image \(number)".utf8)) }

    func list(by signer: String = "endorser", _ change: (inout Contents) -> Void = { _ in }) throws -> [UInt8] {
        var contents = Contents()
        change(&contents)
        return try authorities.sign(try contents.json(), by: [signer])
    }

    func subscription(
        _ name: String = "egi", identifier: String = Self.identifier, endorser: Signer? = nil
    ) throws -> Subscription {
        Subscription(
            name: name, identifier: try ListedIdentifier(parsing: identifier), authorities: trusted, endorser: endorser,
            directory: "\(place.url.path)/lists/\(name)")
    }

    func accept(_ served: [UInt8], _ subscription: Subscription, at now: Timestamp? = nil) throws {
        try FollowedLists.accept(served, for: subscription.name, of: [subscription], now: now ?? self.now)
    }

    func refusal(_ served: [UInt8], _ subscription: Subscription, at now: Timestamp? = nil) throws
        -> ImageListError.Code
    {
        try #require(throws: ImageListError.self) { try accept(served, subscription, at: now) }.code
    }

    /// The version that is followed now, or why there is none.
    func state(_ subscription: Subscription, at now: Timestamp? = nil) -> Result<String, ImageListError> {
        let now = now ?? self.now
        return FollowedLists(loading: [subscription], now: now).lists[0].list(now: now).map(\.list.version.description)
    }

    func endorsed(_ number: Int, _ subscriptions: Subscription..., at now: Timestamp? = nil) throws -> String? {
        let now = now ?? self.now
        let lists = FollowedLists(loading: subscriptions, now: now)
        let byIdentifier = lists.image(identifier: try ListedIdentifier(parsing: Self.uuid(number)), now: now)
        switch lists.image(sha512: Self.checksum(number), now: now) {
        case .success(let found):
            #expect(try byIdentifier.get().subscription == found.subscription)
            #expect(found.image.identifier.description == Self.uuid(number))
            return found.subscription
        case .failure(let error):
            #expect(error.code == .notEndorsed && byIdentifier.map { _ in 0 } == .failure(error))
            return nil
        }
    }

    func file(_ name: String) -> URL { place.url.appending(path: "lists/egi/\(name)") }

    func put(_ bytes: [UInt8], _ name: String) throws { try Data(bytes).write(to: file(name)) }

    // MARK: - From version to version

    @Test func anAcceptedListEndorsesItsImages() throws {
        let egi = try subscription()
        #expect(state(egi) == .failure(ImageListError(.noList, "")))
        #expect(try endorsed(1, egi) == nil)
        let served = try list()
        try accept(served, egi)
        #expect(state(egi) == .success("1"))
        #expect(try endorsed(1, egi) == "egi")
        #expect(try endorsed(2, egi) == "egi")
        #expect(try endorsed(3, egi) == nil)
        #expect(try Data(contentsOf: file("list.eml")) == Data(served))
        #expect(try Set(Files.list(egi.directory)) == ["list.eml", "lock", "state.json"])
        #expect(throws: ImageListError(.noList, "")) {
            try FollowedLists.accept(served, for: "hepix", of: [egi], now: now)
        }
    }

    @Test func theNewestListDecides() throws {
        let egi = try subscription()
        try accept(list(), egi)
        try accept(list { ($0.version, $0.images) = ("2", [2, 3]) }, egi)
        #expect(state(egi) == .success("2"))
        #expect(try endorsed(1, egi) == nil)
        #expect(try endorsed(3, egi) == "egi")
        #expect(try refusal(list(), egi) == .olderVersion)
        #expect(state(egi) == .success("2"))
    }

    @Test func anEqualVersionHasEqualContent() throws {
        let egi = try subscription()
        try accept(list(), egi)
        // Signed anew: the same content in other bytes.
        let again = try list()
        #expect(try Data(contentsOf: file("list.eml")) != Data(again))
        try accept(again, egi)
        #expect(try Data(contentsOf: file("list.eml")) == Data(again))
        #expect(try refusal(list { $0.title = "Other images" }, egi) == .changedContent)
        #expect(try refusal(list { $0.images = [1] }, egi) == .changedContent)
        #expect(try refusal(list { ($0.images, $0.version) = ([1], "01") }, egi) == .changedContent)
        #expect(try endorsed(2, egi) == "egi")
    }

    @Test func aRefusedListChangesNothing() throws {
        let egi = try subscription()
        try accept(list(), egi)
        let before = try ["list.eml", "state.json"].map { try Data(contentsOf: file($0)) }
        let newer: (inout Contents) -> Void = { $0.version = "2" }
        func newerAnd(_ change: @escaping (inout Contents) -> Void) throws -> [UInt8] {
            try list {
                newer(&$0)
                change(&$0)
            }
        }
        #expect(try refusal(newerAnd { $0.identifier = Self.otherIdentifier }, egi) == .wrongIdentifier)
        #expect(try refusal(newerAnd { $0.subject += "2" }, egi) == .wrongEndorser)
        #expect(try refusal(newerAnd { $0.issuer += "2" }, egi) == .wrongEndorser)
        #expect(try refusal(list(by: "colleague", newer), egi) == .wrongEndorser)
        #expect(try refusal(list(by: "revoked", newer), egi) == .unverified)
        #expect(try refusal(newerAnd { $0.created = "2030-06-01T00:00:01Z" }, egi) == .notYetValid)
        #expect(try refusal(newerAnd { $0.expires = "2030-05-31T23:59:59Z" }, egi) == .expired)
        #expect(try refusal(newerAnd { $0.expires = "2030-06-31T00:00:00Z" }, egi) == .malformedList)
        #expect(try refusal(Array(Contents().json().utf8), egi) == .unsigned)
        #expect(try refusal(newerAnd { $0.images = [3, 3] }, egi) == .malformedList)
        #expect(try ["list.eml", "state.json"].map { try Data(contentsOf: file($0)) } == before)
        #expect(state(egi) == .success("1"))
        try accept(list(newer), egi)
        #expect(state(egi) == .success("2"))
    }

    @Test func theSubscriptionsEndorserIsTheOnlyOne() throws {
        let colleague = "/DC=org/DC=example/OU=People/CN=A Colleague"
        // A colleague has a certificate of the same authority, and signs in his own name.
        let hijacked = try list(by: "colleague") { ($0.subject, $0.version) = (colleague, "99") }
        try accept(hijacked, subscription("open"))
        let endorser = Signer(
            subject: try GridName(parsing: ImageListAuthorities.endorser),
            issuer: try GridName(parsing: ImageListAuthorities.issuer))
        let egi = try subscription(endorser: endorser)
        #expect(try refusal(hijacked, egi) == .wrongEndorser)
        try accept(list(), egi)
        #expect(state(egi) == .success("1"))
    }

    // MARK: - Time

    @Test func anExpiredListEndorsesNothingThoughItIsKept() throws {
        let egi = try subscription()
        try accept(list(), egi)
        let late = try Timestamp(parsing: "2030-06-16T00:00:00Z")
        #expect(state(egi, at: late) == .failure(ImageListError(.expired, "")))
        #expect(try endorsed(1, egi, at: late) == nil)
        #expect(try endorsed(1, egi) == "egi")
        // A process that outlives the list.
        let lists = FollowedLists(loading: [egi], now: now)
        #expect(throws: ImageListError(.notEndorsed, "")) {
            try lists.image(sha512: Self.checksum(1), now: late).get()
        }
        try accept(list { ($0.version, $0.expires) = ("2", "2030-06-19T00:00:00Z") }, egi, at: late)
        #expect(try endorsed(1, egi, at: late) == "egi")
    }

    @Test(arguments: ["1970-01-01T00:00:00Z", "2000-06-01T00:00:00Z", "2027-06-01T00:00:00Z", "2060-06-01T00:00:00Z"])
    func aClockThatIsYearsOffEndorsesNothing(clock: String) throws {
        let egi = try subscription()
        let wrong = try Timestamp(parsing: clock)
        #expect(throws: ImageListError.self) { try accept(list(), egi, at: wrong) }
        try accept(list(), egi)
        #expect(try endorsed(1, egi, at: wrong) == nil)
        // Once it is set, all is as before.
        #expect(try endorsed(1, egi) == "egi")
    }

    @Test func aListThatCanNoLongerBeVerifiedEndorsesNothing() throws {
        let egi = try subscription()
        try accept(list(), egi)
        let crl = try #require(Files.list(trusted).first { $0.hasSuffix(".r0") })
        try FileManager.default.removeItem(atPath: "\(trusted)/\(crl)")
        #expect(state(egi) == .failure(ImageListError(.unverified, "")))
        #expect(try endorsed(1, egi) == nil)
    }
}
