import Distribution
import Foundation
import GridModel
import Linux
import StrictJSON
import Testing
import Trust

/// Keys that change, and publishers that are killed or not alone.
@Suite struct CatalogueKeyTests {
    let work: CataloguePlace

    init() throws { work = try CataloguePlace() }

    private func published() throws -> PublishedCatalogue { try Catalogue(at: work.catalogue).published() }

    private func publishing(_ drafts: [String]) -> [String] {
        ["catalogue", "publish"] + drafts + ["--catalogue", work.catalogue]
    }

    @Test func aRootKeyOfSeveralHomesIsReplacedWithAThresholdOfTwo() throws {
        let keys = try ["one", "two", "three", "four"].map { try work.key($0, $0) }
        let drafts = try work.run(
            "publisher", "catalogue", "init", work.catalogue, "--root-key", keys[0], "--root-key", keys[1],
            "--root-key",
            keys[2], "--root-threshold", "2")
        #expect(drafts.count == 2)
        #expect(!FileManager.default.fileExists(atPath: work.catalogue))
        for home in ["one", "two"] {
            for draft in drafts { try work.run(home, "endorse", "--sign", draft) }
        }
        try work.publish(drafts)
        let rotation = try work.run(
            "publisher", "catalogue", "rotate-key", "root", "--old", "one", "--new", keys[3], "--catalogue",
            work.catalogue)
        try work.run("four", "endorse", "--sign", rotation[0])
        try work.run("two", "endorse", "--sign", rotation[0])
        // Two of the new ones, but of the old ones only one.
        try work.refused("publisher", publishing(rotation), saying: "1 of the 2", "the root before it")
        try work.run("three", "endorse", "--sign", rotation[0])
        try work.publish(rotation)
        let root = try published().root
        #expect(root.version == 2)
        #expect(Set(root.root.keys.values.compactMap(\.name)) == ["two", "three", "four"])
    }

    @Test(arguments: ["targets", "timestamp", "snapshot", "lhc"])
    func theKeyOfARoleIsReplaced(_ role: String) throws {
        try work.begin()
        try work.image("lhc/a:1@debian12", in: "publisher")
        try work.publish([try work.endorse("lhc/a:1@debian12")])
        try work.key("publisher", "new")
        let old = ["targets": "root", "lhc": "alice"][role] ?? "online"
        let drafts = try work.run(
            "publisher", "catalogue", "rotate-key", role, "--old", old, "--new", "new", "--catalogue", work.catalogue)
        if role == "lhc" {
            try work.refused("publisher", publishing([drafts[0]]), saying: "not signed by those who may endorse")
        }
        try work.publish(drafts)
        #expect(try published().signers(of: role).keys.values.map(\.name) == ["new"])
        if ["targets", "lhc"].contains(role) {
            try FileManager.default.removeItem(atPath: "\(work.home("publisher").home.path)/keys/\(old).pem")
        }
        try work.follow([])
        try work.run("publisher", "catalogue", "refresh", work.catalogue)
        #expect(try published().endorsements().count == 1)
        #expect(try work.json("publisher", "catalogue", "history", work.catalogue).array?.count == 1)
    }

    @Test func withoutTheLostOnlineKeyTheNewOneGoesOn() throws {
        try work.begin()
        let keys = "\(work.home("publisher").home.path)/keys"
        try FileManager.default.removeItem(atPath: "\(keys)/online.pem")
        try work.refused(
            "publisher", ["catalogue", "refresh", work.catalogue], saying: "does not hold the online key")
        try work.key("publisher", "new")
        var drafts: [String] = []
        for role in ["timestamp", "snapshot"] {
            drafts = try work.run(
                "publisher", "catalogue", "rotate-key", role, "--old", "online", "--new", "new", "--catalogue",
                work.catalogue)
        }
        try work.publish(drafts)
        #expect(try published().root.version == 2)
        try work.run("publisher", "catalogue", "refresh", work.catalogue)
    }

    @Test func anExperimentThatIsRemovedEndorsesNothingAndMayComeBack() throws {
        try work.begin()
        try work.image("lhc/a:1@debian12", in: "publisher")
        try work.publish([try work.endorse("lhc/a:1@debian12")])
        try work.publish(
            work.run("publisher", "catalogue", "remove-experiment", "lhc", "--catalogue", work.catalogue))
        #expect(try published().endorsements().isEmpty)
        try work.publish(
            work.run(
                "publisher", "catalogue", "add-experiment", "lhc", "--endorser", "alice", "--catalogue", work.catalogue)
        )
        #expect(try published().version(of: "lhc") == 3)
    }

    // MARK: Interruption

    @Test func aPublisherThatIsKilledLeavesTheOldOrTheNewCatalogue() throws {
        try work.begin()
        for round in 0..<20 {
            let name = "lhc/a:\(round)@debian12"
            try work.image(name, in: "publisher", content: UInt8(round))
            let draft = try work.endorse(name)
            let running = try work.home("publisher").start(publishing([draft]), in: work.place.url)
            let moment = ContinuousClock.now.advanced(by: .milliseconds(Int64.random(in: 1...150)))
            while ContinuousClock.now < moment && running.isRunning {}
            if running.isRunning { kill(running.pid, SIGKILL) }
            _ = try running.finish()
            #expect([round, round + 1].contains(try published().endorsements().count))
            try work.follow([])
            try work.publish([draft])
            #expect(try published().endorsements().count == round + 1)
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(work.catalogue)/metadata")
        #expect(files.filter { $0.hasSuffix(".tmp") } == [])
    }

    @Test func ofTwoPublishersAtOnceOneIsStale() throws {
        try work.begin()
        var drafts: [String] = []
        for name in ["lhc/a:1@debian12", "lhc/b:1@debian12"] {
            try work.image(name, in: "publisher")
            let copy = work.path("draft-\(drafts.count).json")
            try FileManager.default.moveItem(atPath: try work.endorse(name), toPath: copy)
            drafts.append(copy)
        }
        let running = try drafts.map { try work.home("publisher").start(publishing([$0]), in: work.place.url) }
        let results = try running.map { try $0.finish(within: .seconds(60)) }
        #expect(results.map(\.status).sorted() == [0, 1])
        #expect(results.contains { $0.error.contains("stale") })
        #expect(try published().endorsements().count == 1)
    }
}
