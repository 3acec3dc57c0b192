import Foundation
import GridModel
import ImageFormat
import ImageStore
import StrictJSON
import Testing

/// Checks: a machine of the image says whether it is good, and payloads are told.
@Suite struct FactoryCheckTests {
    static let resultType = "https://in-toto.io/attestation/test-result/v0.1"
    private static let name = "test/checked:1@debian12"
    let workshop: Workshop

    init() throws { workshop = try Workshop() }

    @Test func anImageWhoseCheckFailsIsNotKeptAndTheOneBeforeStays() throws {
        let good = try workshop.recipe(Self.name, "check: ['true']")
        let before = try workshop.built(good, checked: true)
        let bad = try workshop.recipe(
            Self.name, "check: ['true', 'echo the last words >&2; ls /nosuch/directory', 'exit 7']")
        let result = try workshop.build(bad, checked: true)
        #expect(result.status == 1)
        #expect(result.output == "")
        for word in ["2 of its checks failed", "ls /nosuch/directory", "exit 7", "the last words", "not kept"] {
            #expect(result.error.contains(word), "\(word): \(result.error)")
        }
        #expect(try workshop.show(Self.name)["digest"]?.string == before)
        let listed = try workshop.sojourn(["image", "list"]).output.split(separator: "\n")
        #expect(listed.filter { $0.hasPrefix("\(Self.name) ") }.count == 1)
        // What failed is not believed the next time either.
        #expect(try workshop.build(bad, checked: true).status == 1)
        #expect(try workshop.show(Self.name)["digest"]?.string == before)
    }

    @Test func aMachineThatCannotStartIsAFailedCheck() throws {
        let recipe = try workshop.recipe(
            "test/stuck:1@debian12", "build: ['rm -f /bin/sh /usr/bin/sh']\ncheck: ['true']")
        let result = try workshop.build(recipe, checked: true)
        #expect(result.status == 1)
        #expect(result.error.contains("checks failed"), "\(result.error)")
        #expect(try !workshop.sojourn(["image", "list"]).output.contains("test/stuck"))
    }

    @Test func aPayloadIsToldWhoCheckedItsEnvironment() throws {
        let recipe = try workshop.recipe(Self.name, "check: ['test -d /etc']")
        let digest = try workshop.built(recipe, checked: true)
        // What its machine read is kept: a start elsewhere fetches that first.
        let store = try ImageStore(home: try Home(at: workshop.home))
        let image = try store.image(reference: digest)
        let trace = try #require(try store.bootTrace(of: image.digest))
        let read = image.layers.map { trace.blocks(of: $0.filesystem.digest).reduce(0) { $0 + $1.count } }
        #expect(read.reduce(0, +) > 100, "\(read)")
        let output = try workshop.run(
            Self.name,
            "cp $SOJOURN_ENVIRONMENT environment.json; cp ${SOJOURN_ENVIRONMENT%/*}/check.dsse.json .; echo $SOJOURN_ENVIRONMENT"
        )
        #expect(output == "/run/sojourn/environment.json\n")
        let document = try workshop.json(workshop.path("environment.json"))
        #expect(document["image"]?.string == digest)
        #expect(document["environment"]?.string == Self.name)
        #expect(document["check"]?["commands"] == ["test -d /etc"])
        #expect(document["check"]?["envelope"]?.string == "check.dsse.json")
        #expect(document["kernel"]?["isImagesOwn"]?.bool == true)
        let key = try workshop.sojourn(["key", "show", "home", "--json"]).output
        let home = try StrictJSON.decode(JSONValue.self, from: Array(key.utf8), source: "key show")
        #expect(document["check"]?["keyid"]?.string == home["id"]?.string)
        let said = try Oracle.envelope(workshop.path("check.dsse.json"), key: "\(workshop.home)/keys/home.pub")
        #expect(said["subjects"] == [["sha256": .string(String(digest.dropFirst(7)))]])
        #expect(said["predicate"]?["result"]?.string == "PASSED")
    }

    @Test func whatNobodyCheckedIsNotSaidToBe() throws {
        let name = "test/unchecked:1@debian12"
        let recipe = try workshop.recipe(name, "check: ['true']")
        try workshop.built(recipe)
        let text = try workshop.run(name, "cat $SOJOURN_ENVIRONMENT; ls /run/sojourn")
        #expect(!text.contains("\"check\""))
        #expect(!text.contains("check.dsse.json"))
        // Somebody else's word is not taken: the payload checks for itself.
        let other = try Workshop.apart(with: ["images", "home.json"])
        let moved = try other.run("os/debian12", "cat $SOJOURN_ENVIRONMENT")
        #expect(!moved.contains("\"check\""))
    }

    @Test func aCheckIsMadeUpForWhenItWasLeftOut() throws {
        let name = "test/later:1@debian12"
        let recipe = try workshop.recipe(name, "check: ['echo run in vain; false']")
        let digest = try workshop.built(recipe)
        #expect(try workshop.build(recipe, checked: true).status == 1)
        #expect(try workshop.referrers(of: digest, Self.resultType).count == 0)
    }
}
