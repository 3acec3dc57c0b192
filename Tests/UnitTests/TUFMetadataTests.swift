import Foundation
import StrictJSON
import Testing

@testable import Trust

/// Paths that roles answer for, and what of metadata is parsed at all.
@Suite struct TUFMetadataTests {
    // MARK: Paths

    @Test(arguments: [
        ("*", "a", true), ("*", "", true), ("*", "a/b", false), ("a/*", "a/b", true), ("a/*", "a/b/c", false),
        ("*/*", "a/b", true), ("a*c", "abbc", true), ("a*c", "ab", false), ("?", "a", true), ("?", "", false),
        ("[ab]x", "bx", true), ("[!ab]x", "bx", false), ("[!ab]x", "cx", true), ("[a-c]", "b", true),
        ("[c-a]", "b", false), ("[c-a]", "c", false), ("[]]", "]", true), ("[!]]", "a", true), ("[", "[", true),
        ("[a", "[a", true), ("a[", "a[", true), ("*.doc", ".doc", true), ("\\*", "\\a", true), ("a//b", "a//b", true),
        ("a//b", "a/b", false), ("", "", true), ("**", "ab", true), ("e?", "e\u{301}", true),
        ("\u{e9}", "e\u{301}", false),
        ("a/*", "a/b/\u{301}c", false), ("*\u{301}", "x\u{301}", true), ("*", "a\nb", true),
    ])
    func patternsMatch(_ pattern: String, _ path: String, _ matches: Bool) {
        #expect(PathPattern(pattern).matches(path) == matches, "\(pattern) \(path)")
    }

    @Test func aPatternCostsNoExponentialTime() {
        let pattern = PathPattern(String(repeating: "*a", count: 2_000) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 4_000)))
    }

    /// Patterns and paths of chance: python-tuf says the same.
    @Test(.enabled(if: TUFOracle.python != nil, TUFOracle.remedy))
    func patternsMatchAsInPython() throws {
        var generator = SystemRandomNumberGenerator()
        func text(_ characters: [Unicode.Scalar], _ most: Int) -> String {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...most, using: &generator) {
                text.append(characters.randomElement(using: &generator) ?? "a")
            }
            return String(text)
        }
        let pairs = (0..<30_000).map { _ in
            [
                text(["a", "b", "c", "-", "*", "?", "[", "]", "!", "^", "\\", "/", "é", "\u{301}", "."], 7),
                text(["a", "b", "c", "-", "[", "]", "!", "^", "\\", "/", "é", "\u{301}", "."], 4),
            ]
        }
        let answers = try TUFOracle.map(
            pairs, "from tuf.api.metadata import DelegatedRole",
            "return str(DelegatedRole('x', [], 1, False, [value[0]]).is_delegated_path(value[1]))")
        var matching = 0
        for (pair, answer) in zip(pairs, answers) {
            let matches = PathPattern(pair[0]).matches(pair[1])
            #expect((matches ? "True" : "False") == answer, "\(pair)")
            matching += matches ? 1 : 0
        }
        #expect(matching > 300)
    }

    // MARK: Parsing

    private static let signed = #"""
        {"_type":"targets","spec_version":"1.0.31","version":3,"expires":"2030-01-01T00:00:00Z","targets":{TARGETS},
        "delegations":{"keys":{KEYS},"roles":[ROLES]}}
        """#

    private func targets(targets: String = "", keys: String = "", roles: String = "") throws -> TUF.Targets {
        let text = Self.signed.replacingOccurrences(of: "TARGETS", with: targets)
            .replacingOccurrences(of: "KEYS", with: keys).replacingOccurrences(of: "ROLES", with: roles)
        let document = "{\"signatures\":[],\"signed\":\(text)}"
        return try TUF.Signed<TUF.Targets>(Array(document.utf8), limit: 64 << 20, source: "x.json").content
    }

    private func refuse(
        _ words: String, targets: String = "", keys: String = "", roles: String = "",
        at location: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: TrustError.self, sourceLocation: location) {
            try self.targets(targets: targets, keys: keys, roles: roles)
        }
        #expect(error?.code == .malformedMetadata, sourceLocation: location)
        #expect(error?.message.contains(words) == true, "\(String(describing: error))", sourceLocation: location)
    }

    @Test func rolesAndTargetsAreRead() throws {
        let hash = String(repeating: "0f", count: 32)
        let read = try targets(
            targets: #""a":{"length":5,"hashes":{"sha256":"HASH","md5":"x"},"custom":{"b":1}}"#
                .replacingOccurrences(of: "HASH", with: hash),
            keys: #""k":{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"00"}}"#,
            roles: #"{"name":"lhc","keyids":["k","unknown"],"threshold":2,"terminating":true,"paths":["lhc/*"],"x":1}"#)
        #expect(read.version == 3)
        #expect(read.targets["a"]?.length == 5)
        #expect(read.targets["a"]?.hashes.sha256 == hash)
        #expect(read.delegations.map(\.name) == ["lhc"])
        #expect(read.delegations[0].covers("lhc/a"))
        #expect(!read.delegations[0].covers("belle/a"))
        #expect(read.delegations[0].signers.threshold == 2)
    }

    @Test func keysOfOtherKindsSignNothingAndDisturbNobody() throws {
        let read = try targets(
            keys: #"""
                "a":{"keytype":"sigstore-oidc","scheme":"Fulcio","keyval":{"identity":"x@example.org","issuer":"y"}},
                "b":{"keytype":"ecdsa","scheme":"ecdsa-sha2-nistp384","keyval":{"public":"-----BEGIN"}},
                "c":{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"zz"}},
                "d":{"keytype":"rsa","scheme":"rsa-pkcs1v15-sha256","keyval":{"public":"x"}}
                """#,
            roles: #"{"name":"r","keyids":["a","b","c","d"],"threshold":1,"terminating":false,"paths":[]}"#)
        #expect(read.delegations[0].signers.keys.count == 4)
        #expect(read.delegations[0].signers.identities.isEmpty)
        refuse(
            "'public' is missing", keys: #""c":{"keytype":"ed25519","scheme":"ed25519","keyval":{}}"#)
    }

    @Test func whatIsNoMetadataIsRefused() {
        let role = #"{"name":"NAME","keyids":[KEYS],"threshold":N,"terminating":T,"paths":["*"]EXTRA}"#
        func written(name: String = "a", keys: String = "", n: String = "1", t: String = "true", extra: String = "")
            -> String
        {
            role.replacingOccurrences(of: "NAME", with: name).replacingOccurrences(of: "KEYS", with: keys)
                .replacingOccurrences(of: "N,", with: "\(n),").replacingOccurrences(of: "T,", with: "\(t),")
                .replacingOccurrences(of: "EXTRA", with: extra)
        }
        #expect(throws: Never.self) { try self.targets(roles: written()) }
        refuse("a threshold is at least 1", roles: written(n: "0"))
        refuse("a threshold is at least 1", roles: written(n: "-1"))
        refuse("a threshold is at least 1", roles: written(n: "257"))
        refuse("expected true or false", roles: written(t: "1"))
        refuse("is there twice in one role", roles: written(keys: "\"k\",\"k\""))
        refuse("one role is there twice", roles: written() + "," + written())
        refuse("either 'paths' or 'path_hash_prefixes'", roles: written(extra: ",\"path_hash_prefixes\":[\"a\"]"))
        refuse("none of the top-level roles'", roles: written(name: "snapshot"))
        refuse("none of the top-level roles'", roles: written(name: ""))
        refuse("expected 64 hexadecimal digits", targets: #""a":{"length":1,"hashes":{"sha256":"00"}}"#)
        refuse("expected a sha256 or a sha512", targets: #""a":{"length":1,"hashes":{"md5":"00"}}"#)
        refuse("a length from 0 on", targets: #""a":{"length":-1,"hashes":{}}"#)
        refuse("expected a whole number", targets: #""a":{"length":1.0,"hashes":{}}"#)
        refuse("there twice in one object", targets: #""a":1,"a":2"#)
    }

    @Test func numbersOfThingsAreLimited() {
        let keys = (0...4096).map { #""k\#($0)":{"keytype":"x","scheme":"x","keyval":{}}"# }
        refuse("more than 4096 keys", keys: keys.joined(separator: ","))
        #expect(throws: Never.self) { try self.targets(keys: keys.dropLast().joined(separator: ",")) }
        let roles = (0...4096).map {
            #"{"name":"r\#($0)","keyids":[],"threshold":1,"terminating":false,"paths":[]}"#
        }
        refuse("more than 4096 delegations", roles: roles.joined(separator: ","))
    }
}
