import Distribution
import Foundation
import GridModel
import StrictJSON
import Testing
import Trust

/// Catalogues as people publish them: with several homes, and before python-tuf.
@Suite struct CatalogueTests {
    let work: CataloguePlace

    init() throws { work = try CataloguePlace() }

    private func published() throws -> PublishedCatalogue { try Catalogue(at: work.catalogue).published() }

    // MARK: python-tuf

    @Test(arguments: ["ed25519", "p256"])
    func pythonTUFFollowsOurCatalogue(_ type: String) throws {
        try work.begin(type: type)
        let image = try work.image("lhc/pythia8:8.317.2@debian12", in: "publisher")
        let draft = try work.endorse("lhc/pythia8:8.317.2@debian12")
        try work.publish([draft])
        try work.publish([try work.endorse(CataloguePlace.kernel)])
        let kernel = try #require(published().endorsements().first { $0.name == .kernel(CataloguePlace.kernel) })
        let path = "lhc/pythia8=8.317.2@debian12/\(image.hex)"
        let versions = try work.follow([path, kernel.path])
        #expect(versions["lhc"]?.int == 2)
        #expect(versions["os"]?.int == 2)
        #expect(versions["targets"]?.int == 3)
        let refused = try CataloguePlace.python(
            [work.catalogue, "\(work.catalogue)/metadata/1.root.json", "lhc/other=1@debian12/\(image.hex)"])
        #expect(refused.status == 1 && refused.error.contains("no role answers"))
    }

    @Test func pythonTUFRefusesWhatWasChanged() throws {
        try work.begin()
        _ = try work.follow([])
        let file = "\(work.catalogue)/metadata/timestamp.json"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing("\"version\":3}", with: "\"version\":4}").write(
            toFile: file, atomically: true, encoding: .utf8)
        #expect(try CataloguePlace.python([work.catalogue, "\(work.catalogue)/metadata/1.root.json"]).status == 1)
        #expect(throws: TrustError.self) { try published() }
    }

    // MARK: Thresholds

    /// A catalogue whose experiment `lhc` asks for alice and bob, who have a home each.
    private func beginWithTwo() throws {
        let endorsers = [try work.key("alice", "alice"), try work.key("bob", "bob", type: "p256")]
        try work.key("publisher", "root")
        try work.run("publisher", "catalogue", "init", work.catalogue)
        let drafts = try work.run(
            "publisher", "catalogue", "add-experiment", "lhc", "--endorser", endorsers[0], "--endorser", endorsers[1],
            "--threshold", "2", "--catalogue", work.catalogue)
        let publish = ["catalogue", "publish"] + drafts + ["--catalogue", work.catalogue]
        try work.refused("publisher", publish, saying: "0 of the 2", "alice", "bob")
        try work.run("alice", "endorse", "--sign", drafts[1])
        try work.refused("publisher", publish, saying: "1 of the 2", "not signed by bob")
        try work.run("bob", "endorse", "--sign", drafts[1])
        try work.publish(drafts)
    }

    @Test func twoEndorsersOnTwoHomesReachAThresholdOfTwo() throws {
        try beginWithTwo()
        try work.image("lhc/a:1@debian12", in: "alice")
        let draft = try work.endorse("lhc/a:1@debian12", by: "alice")
        let publish = ["catalogue", "publish", draft, "--catalogue", work.catalogue]
        try work.refused("publisher", publish, saying: "1 of the 2", "bob", "endorse --sign")
        let signed = try work.result("bob", ["endorse", "--sign", draft])
        #expect(signed.status == 0)
        #expect(signed.error.contains("endorse lhc/a:1@debian12 sha256:"))
        // Signed by both, but its image is where alice is.
        try work.refused("publisher", publish, saying: "neither in the catalogue nor in this home", "image export")
        try work.image("lhc/a:1@debian12", in: "publisher")
        try work.publish([draft])
        #expect(try published().endorsements().map(\.name.description) == ["lhc/a:1@debian12"])
    }

    @Test func aForeignKeySignsNothing() throws {
        try beginWithTwo()
        try work.image("lhc/a:1@debian12", in: "alice")
        let draft = try work.endorse("lhc/a:1@debian12", by: "alice")
        try work.key("mallory", "mallory")
        let before = FileManager.default.contents(atPath: draft)
        try work.refused("mallory", ["endorse", "--sign", draft], saying: "no key of this home may sign", status: 2)
        try work.refused(
            "mallory", ["endorse", "--sign", draft, "--key", "mallory"], saying: "would not count", status: 2)
        #expect(FileManager.default.contents(atPath: draft) == before)
    }

    @Test func aDraftThatWasChangedAfterSigningIsRefused() throws {
        try beginWithTwo()
        try work.image("lhc/a:1@debian12", in: "alice")
        try work.image("lhc/a:1@debian12", in: "publisher")
        let draft = try work.endorse("lhc/a:1@debian12", by: "alice", until: "2035-01-01")
        let text = try String(contentsOfFile: draft, encoding: .utf8)
        try text.replacing("2035-01-01", with: "2036-01-01").write(toFile: draft, atomically: true, encoding: .utf8)
        try work.run("bob", "endorse", "--sign", draft)
        let publish = ["catalogue", "publish", draft, "--catalogue", work.catalogue]
        try work.refused("publisher", publish, saying: "1 of the 2", "changed after it was signed by alice")
        try work.run("alice", "endorse", "--sign", draft)
        try work.publish([draft])
    }

    @Test func aChangeToAWaitingDraftVoidsItsSignatures() throws {
        try beginWithTwo()
        for name in ["lhc/a:1@debian12", "lhc/b:1@debian12"] { try work.image(name, in: "publisher") }
        for name in ["lhc/a:1@debian12", "lhc/b:1@debian12"] { try work.image(name, in: "alice") }
        let draft = try work.endorse("lhc/a:1@debian12", by: "alice")
        try work.run("bob", "endorse", "--sign", draft)
        let again = try work.result(
            "alice", ["endorse", "lhc/b:1@debian12", "--until", "30d", "--catalogue", work.catalogue])
        #expect(again.output == "\(draft)\n")
        #expect(again.error.contains("void"))
        try work.refused("publisher", ["catalogue", "publish", draft, "--catalogue", work.catalogue], saying: "bob")
        try work.run("bob", "endorse", "--sign", draft)
        try work.publish([draft])
        #expect(try published().endorsements().count == 2)
    }

    // MARK: Drafts

    @Test func aStaleDraftIsRefusedAndAPublishedOneIsNothingNew() throws {
        try work.begin()
        for name in ["lhc/a:1@debian12", "lhc/b:1@debian12"] { try work.image(name, in: "publisher") }
        let first = try work.endorse("lhc/a:1@debian12")
        let stale = work.path("stale.json")
        try FileManager.default.moveItem(atPath: first, toPath: stale)
        let second = try work.endorse("lhc/b:1@debian12")
        try work.publish([second])
        try work.publish([second])
        try work.refused(
            "publisher", ["catalogue", "publish", stale, "--catalogue", work.catalogue], saying: "stale", "version 2")
        #expect(try published().endorsements().map(\.name.description) == ["lhc/b:1@debian12"])
    }

    /// As people do it: the drafts stay where they are, and all of them are given again.
    @Test func draftsThatWerePublishedLongAgoAreNothingNew() throws {
        try work.begin()
        func all() throws -> [String] {
            let drafts = Catalogue(at: work.catalogue).drafts
            return try FileManager.default.contentsOfDirectory(atPath: drafts).sorted().map { "\(drafts)/\($0)" }
        }
        for name in ["lhc/a:1@debian12", "lhc/b:1@debian12"] {
            try work.image(name, in: "publisher")
            _ = try work.endorse(name)
            try work.publish(try all())
        }
        #expect(try all().count == 8, "root, three of targets, three of lhc, one of os")
        let again = try work.result("publisher", ["catalogue", "publish"] + all() + ["--catalogue", work.catalogue])
        #expect(again.status == 0 && again.output.isEmpty)
        #expect(again.error.contains("published already: lhc 1, lhc 2, lhc 3, os 1, root 1, targets 1"))
        #expect(try published().endorsements().count == 2)
    }

    @Test func whatOurServerServesIsFollowed() throws {
        try work.begin()
        let server = try work.home("publisher").start(["catalogue", "serve", work.catalogue, "--json"])
        try eventually(.seconds(20), "an address; it said: \(server.error)") { server.output.hasSuffix("\n") }
        let said = try StrictJSON.decode(JSONValue.self, from: Array(server.output.utf8), source: "catalogue serve")
        let url = try #require(said["url"]?.string)
        try work.run(
            "site", "site", "trust", url, "--name", "lhc", "--root", "\(work.catalogue)/metadata/1.root.json")
        let synchronised = try work.result("site", ["site", "sync"])
        #expect(synchronised.status == 0 && synchronised.output.hasPrefix("lhc: 0 images"), "\(synchronised)")
        kill(server.pid, SIGTERM)
        #expect(try server.finish(within: .seconds(20)).status == 0)
        try work.refused(
            "site", ["catalogue", "serve", work.path("nothing")], saying: "no published catalogue", status: 3)
    }

    @Test func anImageIsEndorsedAsWhatItIs() throws {
        try work.begin()
        try work.image("lhc/a:1@debian12", in: "publisher")
        let options = ["--until", "90d", "--catalogue", work.catalogue]
        let result = try work.result(
            "publisher", ["endorse", "lhc/a:1@debian12", "--as", "lhc/a:2@debian12"] + options)
        #expect(result.status == 2 && result.error.contains("cannot be endorsed as"))
        let right = try work.result("publisher", ["endorse", "lhc/a:1@debian12", "--as", "lhc/a:1@debian12"] + options)
        #expect(right.status == 0)
        #expect(right.error.contains("its kernel") && right.error.contains("is not endorsed"))
        try work.image("cms/a:1@debian12", in: "publisher")
        try work.refused(
            "publisher", ["endorse", "cms/a:1@debian12"] + options, saying: "no experiment 'cms'", status: 3)
        try work.refused(
            "publisher", ["endorse", "lhc/a:1@debian12", "--until", "2001-01-01", "--catalogue", work.catalogue],
            saying: "has ended already")
    }

    @Test func whatIsWithdrawnStaysInTheHistory() throws {
        try work.begin()
        let image = try work.image("lhc/a:1@debian12", in: "publisher")
        try work.publish([try work.endorse("lhc/a:1@debian12")])
        try work.publish([try work.endorse("lhc/a:1@debian12", until: "120d")])
        let draft = try work.run(
            "publisher", "withdraw", image.short, "--because", "CVE-2024-3094 in xz", "--catalogue", work.catalogue)
        try work.publish(draft)
        #expect(try published().endorsements().isEmpty)
        let history = try #require(
            work.json("publisher", "catalogue", "history", work.catalogue, "lhc", "--packages").array)
        #expect(history.compactMap { $0["kind"]?.string } == ["endorsed", "renewed", "withdrawn"])
        #expect(history.allSatisfy { $0["by"]?[0]?["name"]?.string == "alice" })
        #expect(history.allSatisfy { $0["digest"]?.string == image.description })
        #expect(history[2]["because"]?.string == "CVE-2024-3094 in xz")
        #expect(history[0]["image"]?["purpose"]?.string == "tests of catalogues")
        #expect(history[0]["image"]?["packages"]?[0]?["name"]?.string == "base-files")
        let table = try work.run("publisher", "catalogue", "history", work.catalogue, image.short)
        #expect(table.count == 4)
        let path = "\(work.catalogue)/metadata/2.lhc.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacing("a:1@", with: "b:1@").write(toFile: path, atomically: true, encoding: .utf8)
        try work.refused(
            "publisher", ["catalogue", "history", work.catalogue], saying: "2.lhc.json", "history")
    }

    @Test func whatExpiresIsToldEarly() throws {
        try work.begin()
        try work.image("lhc/a:1@debian12", in: "publisher")
        try work.publish([try work.endorse("lhc/a:1@debian12", until: "20d")])
        let early = try work.result("publisher", ["catalogue", "show", work.catalogue])
        #expect(early.status == 0)
        #expect(early.error.contains("lhc/a:1@debian12") && !early.error.contains("'root'"))
        let quiet = try work.result("publisher", ["catalogue", "show", work.catalogue, "--within", "10d"])
        #expect(quiet.error == "")
        try work.run("publisher", "catalogue", "refresh", work.catalogue, "--timestamp-expires", "1d")
        let late = try work.result("publisher", ["catalogue", "show", work.catalogue])
        #expect(late.error.contains("'timestamp'") && late.error.contains("catalogue refresh"))
        let shown = try work.json("publisher", "catalogue", "show", work.catalogue)
        #expect(shown["experiments"]?[0]?["entries"]?[0]?["name"]?.string == "lhc/a:1@debian12")
    }
}
