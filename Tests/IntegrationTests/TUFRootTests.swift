import Foundation
import Testing

/// Roots: how keys and thresholds change, and how a repository recovers from thieves.
@Suite struct TUFRootTests {
    /// A version of the root: whose keys it names, how many must sign, who has signed.
    struct Version: Sendable {
        let keys: [Int]
        let threshold: Int
        let signing: [Int]
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let versions: [Version]
        /// The first that is refused; nil where all are good.
        var refused: Int?

        var testDescription: String { name }
    }

    private static func version(_ keys: [Int], _ threshold: Int, _ signing: [Int]) -> Version {
        Version(keys: keys, threshold: threshold, signing: signing)
    }

    static let rotations: [Case] = [
        Case(
            name: "one key by another",
            versions: [version([1], 1, [1]), version([2], 1, [2, 1]), version([2], 1, [2])]),
        Case(
            name: "signatures of strangers beside",
            versions: [version([1], 1, [3, 1, 4]), version([2], 1, [3, 2, 1, 4]), version([2], 1, [3, 2, 4])]),
        Case(
            name: "3 of 5 in changing company",
            versions: [
                version([0, 1, 2, 3, 4], 3, [0, 2, 4]), version([0, 1, 2, 3, 4], 3, [0, 4, 1]),
                version([0, 1, 2, 3, 4], 3, [0, 1, 3]),
            ]),
        Case(
            name: "one of 5 replaced",
            versions: [version([0, 1, 2, 3, 4], 3, [0, 2, 4]), version([0, 1, 3, 4, 5], 3, [0, 4, 1])]),
        Case(
            name: "all of 5 replaced",
            versions: [
                version([0, 1, 2, 3, 4], 3, [0, 2, 4]), version([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
                version([5, 6, 7, 8, 9], 3, [5, 6, 7]),
            ]),
        Case(name: "threshold raised", versions: [version([1, 2, 3], 1, [1]), version([1, 2, 3], 2, [1, 2])]),
        Case(
            name: "threshold lowered",
            versions: [version([1, 2, 3], 2, [1, 2]), version([1, 2, 3], 1, [1, 2]), version([1, 2, 3], 1, [1])]),
        Case(name: "a second key needed too", versions: [version([1], 1, [1]), version([1, 2], 2, [1, 2])]),
        Case(
            name: "not by the old key",
            versions: [version([1], 1, [1]), version([2], 1, [2, 3, 4])], refused: 2),
        Case(
            name: "not by the new key",
            versions: [version([1], 1, [1]), version([2], 1, [1, 3, 4])], refused: 2),
        Case(
            name: "too few new ones",
            versions: [version([0, 1, 2, 3, 4], 3, [0, 2, 4]), version([0, 1, 3, 4, 5], 3, [0, 2, 4])], refused: 2),
        Case(
            name: "too few old ones",
            versions: [version([0, 1, 2, 3, 4], 3, [0, 2, 4]), version([0, 1, 3, 4, 5], 3, [0, 4, 5])], refused: 2),
        Case(
            name: "raised threshold not reached",
            versions: [version([1, 2, 3], 1, [1]), version([1, 2, 3], 2, [2])], refused: 2),
        Case(
            name: "lowered threshold too early",
            versions: [version([1, 2, 3], 2, [1, 2]), version([1, 2, 3], 1, [1])], refused: 2),
        Case(
            name: "refused in the middle",
            versions: [version([1], 1, [1]), version([2], 1, [1, 2]), version([3], 1, [3]), version([3], 1, [3])],
            refused: 3),
    ]

    @Test(arguments: rotations)
    func rootsAreFollowedOneByOne(_ rotation: Case) throws {
        let repository = try TUFRepository()
        for (index, version) in rotation.versions.enumerated() {
            try repository(
                "appoint",
                [
                    "role": "root", "numbers": version.keys.map { $0 + 20 }, "threshold": version.threshold,
                    "signing": version.signing.map { $0 + 20 },
                ])
            try repository("publish", ["roles": ["root"], "bump": index > 0])
        }
        let client = try TUFClient(repository)
        let result = try client.refresh()
        let last = (rotation.refused ?? rotation.versions.count + 1) - 1
        if rotation.refused == nil { result.expectDone() } else { result.expectRefusal("good signatures by") }
        #expect(try client.text("root.json") == repository.text("metadata/\(last).root.json"))
        for version in 1...last {
            let kept = try client.text("root_history/\(version).root.json")
            #expect(try kept == repository.text("metadata/\(version).root.json"))
        }
        #expect(try client.oracleRefusal().isEmpty == (rotation.refused == nil))
    }

    @Test func aVersionThatIsMissingEndsTheWayAndOneLeftOutIsRefused() throws {
        let repository = try TUFRepository()
        for _ in 2...4 { try repository.publish(["root"]) }
        try repository("save", ["name": "all"])
        try repository("serve", ["name": "metadata/3.root.json", "behaviour": "missing"])
        let client = try TUFClient(repository)
        try client.refresh().expectDone()
        #expect(try client.text("root.json") == repository.text("metadata/2.root.json"))
        try repository("load", ["name": "all", "files": ["metadata/3.root.json": "metadata/4.root.json"]])
        try client.refresh().expectRefusal("version 4 of the root, where 3 was expected")
        try repository("load", ["name": "all"])
        try client.refresh().expectDone()
        #expect(try client.text("root.json") == repository.text("metadata/4.root.json"))
    }

    /// The newest counts: those on the way may have expired, and more may come at once than any year has weeks.
    @Test func aLongWayOfRoots() throws {
        let repository = try TUFRepository()
        let client = try TUFClient(repository)
        try repository("expire", ["role": "root", "days": -30])
        for _ in 0..<60 { try repository.publish(["root"]) }
        try repository("expire", ["role": "root", "days": 30])
        for _ in 0..<195 { try repository.publish(["root"]) }
        try repository.publish(["root"])
        // 256 are followed at once, one more is not.
        try repository.publish(["root"])
        try client.refresh().expectRefusal("more than 256 new roots at once")
        #expect(try client.text("root.json") == repository.text("metadata/257.root.json"))
        try client.refresh().expectDone()
        #expect(try client.text("root.json") == repository.text("metadata/258.root.json"))
        // What is kept already is no matter of that number.
        try client.initialise().expectDone()
        try client.refresh().expectDone()
        #expect(try client.text("root.json") == repository.text("metadata/258.root.json"))
    }

    @Test func consistentSnapshotsCanBeginAndEnd() throws {
        for consistent in [true, false] {
            let first = try TUFRepository(["consistent": consistent])
            let client = try TUFClient(first)
            try first.target("file", "one")
            try first.publish()
            try client.download("file").expectDone()
            try first("consistent", ["value": !consistent])
            try first.target("file", "two")
            try first.publish()
            try client.download("file").expectDone()
            #expect(try client.artifacts() == ["file": "two"])
            #expect(try client.oracleRefusal(["file"]) == "")
        }
    }

    // MARK: Other roles' keys

    @Test(arguments: ["timestamp", "snapshot", "targets", "lhc"])
    func oneKeyUnderTwoIdsIsOne(role: String) throws {
        let repository = try TUFRepository()
        try repository.delegate("lhc", paths: ["lhc/*"])
        try repository.target("lhc/file", "one", in: "lhc")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("lhc/file").expectDone()
        let before = try client.text("\(role).json")
        try repository("twins", ["role": role])
        try repository.publish()
        try client.download("lhc/file").expectRefusal("good signatures by 1 of the 2 keys")
        #expect(try client.state()["\(role).json"].map { $0 == before } ?? true)
        try repository.appoint(role, count: 2, threshold: 2)
        try repository.publish()
        try client.download("lhc/file").expectDone()
        #expect(try client.text("\(role).json") != before)
    }

    @Test func oneKeyUnderTwoIdsIsOneForTheRootToo() throws {
        let repository = try TUFRepository()
        let client = try TUFClient(repository)
        try client.refresh().expectDone()
        try repository("twins", ["role": "root"])
        try repository("publish", ["roles": ["root"], "cosign": [0, 1]])
        let before = try client.state()
        try client.refresh().expectRefusal("good signatures by 1 of the 2 keys that the root itself names")
        #expect(try client.state() == before)
        try repository.appoint("root", count: 2, threshold: 2)
        try repository("publish", ["roles": ["root"], "bump": false, "cosign": [0, 1]])
        try client.refresh().expectDone()
    }

    @Test(arguments: ["timestamp", "snapshot", "targets", "lhc"])
    func aThresholdThatRoseHoldsAtOnceAndOneBeyondReachForAll(role: String) throws {
        let repository = try TUFRepository()
        try repository.delegate("lhc", paths: ["lhc/*"])
        try repository.target("lhc/file", "one", in: "lhc")
        try repository.appoint(role, count: 3, threshold: 1)
        try repository("appoint", ["role": role, "numbers": [30, 31, 32], "threshold": 1, "signing": [30, 31]])
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("lhc/file").expectDone()
        try repository("threshold", ["role": role, "number": 2])
        try repository.publish(["root", "targets", "snapshot", "timestamp"])
        try client.download("lhc/file").expectDone()
        // What is here already is judged by the new threshold too.
        try repository("threshold", ["role": role, "number": 3])
        try repository.publish(["root", "targets", "snapshot", "timestamp"])
        try client.download("lhc/file").expectRefusal("good signatures by 2 of the 3 keys")
        #expect(try client.oracleRefusal(["lhc/file"]) != "")
        try repository("appoint", ["role": role, "numbers": [30, 31, 32], "threshold": 3])
        try repository.publish()
        try client.download("lhc/file").expectDone()
        try repository("threshold", ["role": role, "number": 4])
        try repository.publish()
        try client.download("lhc/file").expectRefusal("needed are 4")
    }

    // MARK: Recovery

    /// A thief drove versions up; new keys for timestamp and snapshot let the old ones count again (5.3.11).
    @Test(arguments: ["timestamp", "snapshot", "targets", "lhc"])
    func versionsDrivenUpAreForgottenWithTheKeys(role: String) throws {
        let repository = try TUFRepository()
        try repository.delegate("lhc", paths: ["lhc/*"])
        try repository.target("lhc/file", "one", in: "lhc")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("lhc/file").expectDone()
        try repository("version", ["role": role, "version": 99_999])
        try repository.publish()
        try client.download("lhc/file").expectDone()
        try repository("version", ["role": role, "version": 2])
        try repository.publish()
        try client.download("lhc/file").expectRefusal("was seen before")
        // The key of the root alone changes nothing.
        try repository.appoint("root", count: 2, threshold: 2)
        try repository.publish()
        try client.download("lhc/file").expectRefusal("was seen before")
        // Nor do keys in addition.
        try repository.appoint("timestamp", count: 3, threshold: 2, keeping: 2)
        try repository.publish()
        try client.download("lhc/file").expectRefusal("was seen before")
        try repository.appoint(role == "timestamp" ? "timestamp" : "snapshot", count: 2, threshold: 2)
        try repository.publish()
        try client.download("lhc/file").expectDone()
        #expect(try client.text("\(role).json").contains("\"version\": 99999") == false)
    }
}
