import Foundation
import Testing

/// Every role's metadata, spoilt in every way: refused in words, and nothing of it or after it is kept.
@Suite struct TUFDeedTests {
    struct Deed: CustomTestStringConvertible, Sendable {
        let name: String
        let role: String
        let words: String
        /// The first role that stays as it was.
        let refusedAt: String

        var testDescription: String { "\(name) \(role)" }
    }

    /// In the order in which a client takes them.
    private static let roles = ["root", "timestamp", "snapshot", "targets", "lhc"]

    private static let words: KeyValuePairs = [
        "expired": "expired on", "wrong-type": "expected the metadata of",
        "unknown-specification": "version 1 of TUF's specification", "no-version": "the key 'version' is missing",
        "text-version": "expected a whole number", "version-zero": "a version begins with 1",
        "deep": "arrays and objects in one another", "bad-signature": "good signatures by 1 of the 2 keys",
        "too-few": "good signatures by 1 of the 2 keys", "unsigned": "good signatures by 0 of the 2 keys",
        "empty-signature": "good signatures by 1 of the 2 keys", "stranger": "good signatures by 1 of the 2 keys",
        "foreign-bytes": "good signatures by 1 of the 2 keys", "twice-signed": "has signed twice",
        "duplicate-keys": "there twice in one object", "not-utf8": "not UTF-8", "surrogate": "surrogate",
        "float": "expected a whole number", "exponent": "expected a whole number", "cut": "the document ends here",
        "more": "something follows the end", "page": "expected a value", "null": "expected an object",
        "empty": "expected a value", "endless": "and at most", "broken": "the connection was lost",
        "failing": "the server failed (500)", "circle": "lead back to", "spiral": "more than 5 redirects",
    ]

    static let all: [Deed] = {
        var deeds: [Deed] = []
        for (name, words) in words {
            for role in roles {
                // A root is kept before it is judged by the clock (specification, 5.3.10).
                let refusedAt = name == "expired" && role == "root" ? "timestamp" : role
                deeds.append(Deed(name: name, role: role, words: words, refusedAt: refusedAt))
            }
        }
        deeds.append(Deed(name: "wrong-version", role: "root", words: "was expected", refusedAt: "root"))
        for role in roles.dropFirst() {
            deeds.append(Deed(name: "missing", role: role, words: "serves no", refusedAt: role))
            // What names it is refused already.
            let refusedAt = ["timestamp": "timestamp", "snapshot": "timestamp"][role] ?? "snapshot"
            deeds.append(Deed(name: "rolled-back", role: role, words: "was seen before", refusedAt: refusedAt))
        }
        for role in roles.dropFirst(2) {
            deeds.append(Deed(name: "wrong-version", role: role, words: "was announced", refusedAt: role))
            deeds.append(
                Deed(name: "wrong-hash", role: role, words: "its content is not the one", refusedAt: role))
            deeds.append(
                Deed(name: "longer-than-announced", role: role, words: "bytes, and at most", refusedAt: role))
            deeds.append(Deed(name: "shorter-than-announced", role: role, words: "bytes, where", refusedAt: role))
        }
        return deeds
    }()

    /// Stricter than python-tuf, whose parser takes the last of two keys and any depth.
    private static let ours = ["deep", "duplicate-keys", "surrogate", "circle", "spiral", "broken", "failing"]

    @Test(arguments: all)
    func spoiltMetadataIsRefusedAndNothingOfItIsKept(_ deed: Deed) throws {
        let repository = try TUFRepository()
        try repository.delegate("lhc", paths: ["lhc/*"])
        try repository.target("lhc/file", "one", in: "lhc")
        try repository.publish(["lhc", "targets", "snapshot", "timestamp"])
        let client = try TUFClient(repository)
        try client.download("lhc/file").expectDone()
        #expect(try client.oracleRefusal(["lhc/file"]) == "")
        let before = try client.state()
        #expect(Set(before.keys) == Set(Self.roles.map { "\($0).json" }))

        try repository.publish(deed: deed.name, of: deed.role)
        try client.download("lhc/file").expectRefusal(deed.words)
        let after = try client.state()
        #expect(Set(after.keys) == Set(before.keys))
        let stage = try #require(Self.roles.firstIndex(of: deed.refusedAt))
        for (index, role) in Self.roles.enumerated() {
            #expect((after["\(role).json"] == before["\(role).json"]) == (index >= stage), "\(role)")
        }
        if !Self.ours.contains(deed.name) { #expect(try client.oracleRefusal(["lhc/file"]) != "") }

        // The same without the deed.
        try repository.publish()
        try client.download("lhc/file").expectDone()
        let versions = try #require(try repository("publish", ["roles": [String]()]) as? [String: Int])
        for role in Self.roles {
            let number = role == "timestamp" ? "" : "\(try #require(versions[role]))."
            let served = try repository.text("metadata/\(number)\(role).json")
            #expect(try client.text("\(role).json") == served, "\(role)")
        }
        if !Self.ours.contains(deed.name) { #expect(try client.oracleRefusal(["lhc/file"]) == "") }
    }
}
