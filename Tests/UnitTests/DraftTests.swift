import Testing

@testable import GridModel
@testable import StrictJSON
@testable import Trust

@Suite struct DraftTests {
    private let time = Timestamp(seconds: 2_000_000_000)

    private func keys(_ count: Int, type: KeyType = .ed25519) -> [(private: PrivateKey, named: TUF.NamedKey)] {
        (0..<count).map {
            let key = PrivateKey.generate(type)
            return (key, TUF.NamedKey(name: "key\($0)", key: key.publicKey))
        }
    }

    private func role(_ version: Int64 = 1) -> TUF.NewTargets {
        TUF.NewTargets(role: "lhc", version: version, expires: time)
    }

    private func root(_ keys: [TUF.NamedKey], threshold: Int) throws -> TUF.NewRoot {
        TUF.NewRoot(
            expires: time, offline: try TUF.RoleKeys(keys, threshold: threshold),
            online: try TUF.RoleKeys([keys[0]], threshold: 1))
    }

    @Test(arguments: KeyType.allCases)
    func aRootIsBelievedFromItsThresholdOn(_ type: KeyType) throws {
        let keys = keys(3, type: type)
        let names = keys.map(\.named)
        var draft = try TUF.Draft(try root(names, threshold: 2), signers: names.map(\.id))
        let signers = try draft.metadata(TUF.Root.self).content.root
        #expect(signers.keys.values.compactMap(\.name).sorted() == ["key0", "key1", "key2"])
        #expect(try draft.count(of: signers) == 0)
        try draft.sign(with: keys[0].private)
        try draft.sign(with: keys[0].private)
        #expect(try draft.count(of: signers) == 1)
        #expect(throws: TrustError(.notTrusted, "")) {
            try TrustedMetadata(root: draft.published(), now: time, source: "root")
        }
        try draft.sign(with: keys[2].private)
        _ = try TrustedMetadata(root: try draft.published(), now: time, source: "root")
    }

    @Test func aDraftIsHandedOnFromSignerToSigner() throws {
        let keys = keys(2)
        var draft = try TUF.Draft(role(), signers: keys.map(\.named.id))
        #expect(draft.signers.count == 2)
        for key in keys {
            try draft.sign(with: key.private)
            draft = try TUF.Draft(decoding: try draft.encoded(), source: "draft")
        }
        #expect(draft.role == "lhc" && draft.version == 1 && draft.expires == time)
        #expect(draft.signers.count == 2)
        #expect(keys.allSatisfy { draft.isSigned(by: $0.named.id) })
    }

    @Test func whoHasNotSignedIsNotPublished() throws {
        let keys = keys(2)
        var draft = try TUF.Draft(role(), signers: keys.map(\.named.id))
        try draft.sign(with: keys[0].private)
        let published = try TUF.Draft(decoding: try draft.published(), source: "published")
        #expect(published.signers == [keys[0].named.id])
        #expect(published.isSame(as: draft))
    }

    @Test func aChangeAfterSigningIsNoticed() throws {
        let keys = keys(1)
        var draft = try TUF.Draft(try root([keys[0].named], threshold: 1), signers: [])
        try draft.sign(with: keys[0].private)
        let key = try #require(draft.metadata(TUF.Root.self).content.root.keys.values.first)
        #expect(draft.state(of: key) == .signed)
        let text = String(decoding: try draft.encoded(), as: UTF8.self).replacing("2033", with: "2034")
        let changed = try TUF.Draft(decoding: Array(text.utf8), source: "changed")
        #expect(changed.state(of: key) == .wrong)
        #expect(try changed.count(of: changed.metadata(TUF.Root.self).content.root) == 0)
        #expect(try TUF.Draft(role(), signers: [key.id]).state(of: key) == .missing)
    }

    @Test func whatARoleSaysIsCarriedOn() throws {
        let keys = keys(2)
        var targets = TUF.NewTargets(role: "targets", version: 3, expires: time)
        let endorsers = try TUF.RoleKeys(keys.map(\.named), threshold: 2)
        targets.delegations = [.init(name: "lhc", endorsers: endorsers)]
        targets.targets["a/b/c"] = ["length": 1, "hashes": ["sha256": .string(String(repeating: "0", count: 64))]]
        targets.withdrawn = [["because": "é\n\"\\"]]
        let draft = try TUF.Draft(targets, signers: [])
        let again = try TUF.NewTargets(try draft.metadata(), role: "targets")
        #expect(again.signed == targets.signed)
        #expect(Set(again.delegations[0].endorsers.ids) == Set(endorsers.ids))
        let delegation = try #require(draft.metadata(TUF.Targets.self).content.delegations.first)
        #expect(delegation.isTerminating)
        #expect(delegation.covers("lhc/a/b") && !delegation.covers("os/a/b") && !delegation.covers("lhc/a"))
    }

    @Test func thresholdsThatCannotBeReachedAreRefused() throws {
        let keys = keys(2).map(\.named)
        for threshold in [0, -1, 3] {
            #expect(throws: TrustError.self) { try TUF.RoleKeys(keys, threshold: threshold) }
        }
        #expect(throws: TrustError.self) { try TUF.RoleKeys([keys[0], keys[0]], threshold: 1) }
        #expect(throws: TrustError.self) { try TUF.RoleKeys([], threshold: 1) }
        _ = try TUF.RoleKeys(keys, threshold: 2)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"signatures":[],"signed":{}}"#,
        // Of no role.
        #"{"signatures":[],"signed":{"_type":"targets","expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31","targets":{},"version":1}}"#,
        // Numbers that are not whole, and keys there twice.
        #"{"signatures":[],"signed":{"_type":"root","expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31","version":1.5}}"#,
        #"{"signatures":[],"signed":{"_type":"root","_type":"root","expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31","version":1}}"#,
        #"{"signatures":[],"signed":{"_type":"mirrors","expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31","version":1}}"#,
    ])
    func whatIsNoDraftIsRefused(_ text: String) throws {
        #expect(throws: TrustError(.malformedMetadata, "")) {
            try TUF.Draft(decoding: Array(text.utf8), source: "draft")
        }
    }

    @Test func namesThatOnlyLookAlikeAreNotTakenForOne() throws {
        // One letter, and a letter with an accent of its own: Swift holds them for equal, bytes do not.
        let text =
            "{\"signatures\":[],\"signed\":{\"_type\":\"root\",\"expires\":\"2030-01-01T00:00:00Z\","
            + "\"spec_version\":\"1.0.31\",\"version\":1,\"x\":{\"\u{E9}\":1,\"e\u{301}\":2}}}"
        #expect(throws: TrustError(.malformedMetadata, "")) {
            try TUF.Draft(decoding: Array(text.utf8), source: "draft")
        }
    }
}
