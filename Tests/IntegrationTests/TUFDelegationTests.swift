import Foundation
import Testing

/// Delegated roles: who is asked in which order, for which paths, by whose keys.
@Suite struct TUFDelegationTests {
    struct Edge: Sendable {
        let by: String
        let role: String
        var terminating = false
        var paths = ["*"]
    }

    struct Graph: CustomTestStringConvertible, Sendable {
        let name: String
        let edges: [Edge]
        let visited: [String]

        var testDescription: String { name }
    }

    static let graphs: [Graph] = [
        Graph(name: "one", edges: [Edge(by: "targets", role: "A")], visited: ["A"]),
        Graph(
            name: "two side by side", edges: [Edge(by: "targets", role: "A"), Edge(by: "targets", role: "B")],
            visited: ["A", "B"]),
        Graph(
            name: "depth first",
            edges: [
                Edge(by: "targets", role: "A"), Edge(by: "targets", role: "B"), Edge(by: "A", role: "C"),
                Edge(by: "A", role: "D"), Edge(by: "C", role: "E"),
            ], visited: ["A", "C", "E", "D", "B"]),
        Graph(
            name: "a terminating one ends all but what it delegates",
            edges: [
                Edge(by: "targets", role: "A"), Edge(by: "targets", role: "B"),
                Edge(by: "A", role: "C", terminating: true), Edge(by: "A", role: "D"), Edge(by: "C", role: "E"),
            ], visited: ["A", "C", "E"]),
        Graph(
            name: "a terminating one for other paths ends nothing",
            edges: [
                Edge(by: "targets", role: "A", terminating: true, paths: ["other/*"]), Edge(by: "targets", role: "B"),
            ], visited: ["B"]),
        Graph(
            name: "other paths are not followed",
            edges: [
                Edge(by: "targets", role: "A", paths: ["*.py"]), Edge(by: "targets", role: "B"),
                Edge(by: "A", role: "C"), Edge(by: "B", role: "D", paths: ["*.py"]), Edge(by: "D", role: "E"),
            ], visited: ["B"]),
        Graph(
            name: "a circle",
            edges: [
                Edge(by: "targets", role: "A"), Edge(by: "targets", role: "B"), Edge(by: "B", role: "C"),
                Edge(by: "C", role: "D"), Edge(by: "D", role: "B"), Edge(by: "D", role: "D"),
            ], visited: ["A", "B", "C", "D"]),
        Graph(
            name: "two ways to a third",
            edges: [
                Edge(by: "targets", role: "A"), Edge(by: "targets", role: "B"), Edge(by: "B", role: "C"),
                Edge(by: "A", role: "C"),
            ], visited: ["A", "C", "B"]),
        Graph(
            name: "the way that fits",
            edges: [
                Edge(by: "targets", role: "A"), Edge(by: "targets", role: "B"), Edge(by: "B", role: "C"),
                Edge(by: "A", role: "C", paths: ["*.py"]),
            ], visited: ["A", "B", "C"]),
    ]

    @Test(arguments: graphs)
    func rolesAreAskedInOrder(_ graph: Graph) throws {
        let repository = try TUFRepository()
        for edge in graph.edges {
            try repository.delegate(edge.role, by: edge.by, paths: edge.paths, terminating: edge.terminating)
        }
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("missing").expectRefusal("no role of this repository answers for a target 'missing'")
        // After root, timestamp, snapshot and targets.
        let asked = try repository.asked().dropFirst(5)
        #expect(asked.map { $0.split(separator: ".")[1] } == graph.visited.map { $0[...] }, "\(asked)")
        #expect(try client.oracleRefusal(["missing"]) == "no role answers for missing")
        // The last one asked has it.
        try repository.target("missing", "found", in: try #require(graph.visited.last))
        try repository.publish()
        try client.download("missing").expectDone()
    }

    @Test func pathsAreMatchedComponentByComponent() throws {
        let repository = try TUFRepository()
        try repository.delegate("A", paths: ["*.doc", "*.md"])
        try repository.delegate("B", paths: ["releases/*/*"])
        try repository.delegate("C", by: "B", paths: ["releases/x/*"])
        try repository.delegate("D", by: "B", paths: ["releases/y/*.zip"])
        let found = [
            "README.md": "A", "releases/x/x_v1": "C", "releases/y/y_v1.zip": "D",
        ]
        let hidden = [
            "releases/z/z_v1.zip": "D", "releases/y/y_v1.tar": "D", "docs/README.md": "A", "releases/x/y/z": "C",
            "releases/x": "C", "releases/x/b/\u{301}c": "C",
        ]
        for (path, role) in found.merging(hidden, uniquingKeysWith: { $1 }) {
            try repository.target(path, "of \(role)", in: role)
        }
        try repository.publish()
        let client = try TUFClient(repository)
        for path in found.keys {
            try client.download(path).expectDone()
            #expect(try client.oracleRefusal([path]) == "")
        }
        for path in hidden.keys {
            try client.download(path).expectRefusal("no role of this repository answers")
            #expect(try client.oracleRefusal([path]) != "")
        }
    }

    @Test func hashPrefixesChooseTheBin() throws {
        let repository = try TUFRepository()
        for digit in "0123456789abcdef" {
            try repository.delegate("bin-\(digit)", paths: nil, prefixes: ["\(digit)"])
        }
        // sha256 of "file" begins with 3b9c.
        try repository.target("file", "right", in: "bin-3")
        // That of "other" begins with d986.
        try repository.target("other", "wrong", in: "bin-3")
        try repository.publish()
        let client = try TUFClient(repository)
        _ = try repository.asked()
        try client.download("file").expectDone()
        #expect(try repository.asked().filter { $0.contains("bin-") } == ["metadata/2.bin-3.json"])
        try client.download("other").expectRefusal("no role of this repository answers")
        #expect(try client.oracleRefusal(["file"]) == "")
        #expect(try client.oracleRefusal(["other"]) != "")
    }

    @Test func thereIsAnEndOfAsking() throws {
        let repository = try TUFRepository()
        // Keys of others: what costs time here is not the repository's.
        for number in 0..<260 {
            try repository(
                "delegate",
                ["name": "role\(number)", "paths": ["*"], "count": 1, "threshold": 1, "numbers": [0]])
        }
        try repository.target("late", "far away", in: "role259")
        try repository.target("early", "near", in: "role250")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("early").expectDone()
        try client.download("late").expectRefusal("none of the first 256 roles")
    }

    @Test(arguments: ["?", "#", "/role", "../role", "a/b", "..", ".", "a b", "é\u{1F600}", "%2F", "x.root", "-", "CON"])
    func oddNamesOfRolesStayInTheirPlace(role: String) throws {
        for consistent in [true, false] {
            let repository = try TUFRepository(["consistent": consistent])
            try repository.delegate(role, paths: ["*"])
            try repository.target("file", "of an odd role", in: role)
            try repository.publish()
            let client = try TUFClient(repository)
            let before = try FileManager.default.contentsOfDirectory(atPath: client.place.url.path)
            _ = try repository.asked()
            try client.download("file").expectDone()
            let encoded = try #require(
                role.addingPercentEncoding(
                    withAllowedCharacters: CharacterSet(
                        charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")))
            #expect(try repository.asked().contains("metadata/\(consistent ? "2." : "")\(encoded).json"))
            #expect(try client.state().count == 5)
            #expect(try client.text("\(encoded).json").contains("\"_type\": \"targets\""))
            #expect(
                Set(try FileManager.default.contentsOfDirectory(atPath: client.place.url.path))
                    == Set(before + ["targets"]))
            #expect(try client.oracleRefusal(["file"]) == "")
        }
    }

    @Test(arguments: ["", "root", "targets", "snapshot", "timestamp"])
    func namesThatNoDelegatedRoleCanHaveAreRefused(role: String) throws {
        let repository = try TUFRepository()
        let client = try TUFClient(repository)
        try repository.delegate("placeholder", paths: ["*"])
        try repository.target("file", "here")
        try repository.publish()
        try client.download("file").expectDone()
        let before = try client.text("targets.json")
        try repository("rename", ["by": "targets", "old": "placeholder", "new": role])
        try repository.publish(["targets", "snapshot", "timestamp"])
        try client.download("file").expectRefusal("a delegated role has a name, and none of the top-level")
        #expect(try client.text("targets.json") == before)
    }

    // MARK: Keys

    /// What is kept of a role is judged by the keys that its delegator names now.
    @Test func aRoleThatIsKeptIsVerifiedAnew() throws {
        let repository = try TUFRepository()
        try repository.delegate("lhc", paths: ["lhc/*"])
        try repository.target("lhc/file", "one", in: "lhc")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("lhc/file").expectDone()
        let before = try client.text("lhc.json")
        try FileManager.default.removeItem(at: client.targets)
        // The same version, by keys that nobody trusts any more.
        try repository.appoint("lhc", count: 2, threshold: 2)
        try repository.publish(["targets", "snapshot", "timestamp"])
        try client.download("lhc/file").expectRefusal(
            "good signatures by 0 of the 2 keys that the role 'targets' names")
        #expect(try client.artifacts() == [:])
        #expect(try client.text("lhc.json") == before)
        #expect(try client.oracleRefusal(["lhc/file"]) != "")
        try repository.publish(["lhc", "snapshot", "timestamp"])
        try client.download("lhc/file").expectDone()
        #expect(try client.oracleRefusal(["lhc/file"]) == "")
        // Withdrawn altogether.
        try repository("dismiss", ["role": "lhc"])
        try repository.publish(["targets", "snapshot", "timestamp"])
        try client.download("lhc/file").expectRefusal("no role of this repository answers")
    }

    /// One role, two delegators, of which one names other keys: each way is judged by its own.
    @Test func aRoleIsTrustedOnlyByTheWayOnWhichItWasVerified() throws {
        let repository = try TUFRepository()
        try repository.delegate("A", paths: ["a/*"])
        try repository.delegate("B", paths: ["b/*"])
        try repository.delegate("shared", by: "A", paths: ["a/*"])
        try repository.delegate("shared", by: "B", paths: ["b/*"])
        try repository.target("a/file", "by A", in: "shared")
        try repository.target("b/file", "by B", in: "shared")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("a/file", "b/file").expectDone()
        try FileManager.default.removeItem(at: client.targets)
        try repository("delegator", ["role": "shared", "by": "B"])
        try repository("appoint", ["role": "shared", "numbers": [50, 51], "threshold": 2, "signing": [0, 1]])
        try repository("delegator", ["role": "shared", "by": "A"])
        try repository("appoint", ["role": "shared", "numbers": [52, 53], "threshold": 2])
        try repository.publish()
        try client.download("a/file", "b/file").expectRefusal("keys that the role 'B' names")
        #expect(try client.artifacts() == ["a%2Ffile": "by A"])
        #expect(try client.oracleRefusal(["a/file", "b/file"]) != "")
    }

    @Test func aRoleThatTheSnapshotDoesNotNameIsRefusedAndOneThatVanishesToo() throws {
        let repository = try TUFRepository()
        try repository.delegate("lhc", paths: ["lhc/*"])
        try repository.target("lhc/file", "one", in: "lhc")
        try repository.publish(["targets", "snapshot", "timestamp"])
        let client = try TUFClient(repository)
        try client.download("lhc/file").expectRefusal("its snapshot does not name the role 'lhc'")
        try repository.publish()
        try client.download("lhc/file").expectDone()
        let before = try client.text("snapshot.json")
        try repository("forget", ["role": "lhc"])
        try repository.publish(["snapshot", "timestamp"])
        try client.download("lhc/file").expectRefusal("the role 'lhc' is no more in it")
        #expect(try client.text("snapshot.json") == before)
    }
}
