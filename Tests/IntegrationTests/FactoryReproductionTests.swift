import Foundation
import StrictJSON
import Testing

/// The same bits: whoever builds, wherever and when.
@Suite struct FactoryReproductionTests {
    @Test func anOrdinaryUserWithOtherLocaleZoneMaskAndCoresMakesTheSameBits() throws {
        let user = try OrdinaryUser.shared.get()
        #expect(try Workshop.digest(user.software) == Workshop().ensure(Workshop.software))
    }

    @Test func aBuildFromLockAndInputsNeedsNoNetworkAndMakesTheSameBits() throws {
        let shared = try Workshop()
        let place = try Scratch()
        let digest = try shared.ensure("os/debian12")
        try shared.export("os/debian12", to: "\(place.url.path)/inputs")
        let script = """
            cd '\(place.url.path)'
            umask 077
            exec '\(shared.sojourn.program)' image build os/debian12 --home home --locked --lock inputs/lock.json \
                --inputs inputs --no-check
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--net", "sh", "-c", script], directory: nil, input: "",
            environment: ["TZ": "America/St_Johns", "LC_ALL": "C"]
        ).finish(within: .seconds(1200))
        #expect(try Workshop.digest(result) == digest)
    }

    /// What a build without a network lacks is said before the build begins.
    @Test func aBuildWithoutItsInputsAndWithoutANetworkSaysWhatItLacks() throws {
        let shared = try Workshop()
        let place = try Scratch()
        let script = """
            cd '\(place.url.path)'
            exec '\(shared.sojourn.program)' image build os/debian12 --home home --lock \
                '\(shared.home)/locks/os~debian12.json' --no-check
            """
        let result = try Workshop.tool("/usr/bin/unshare", ["--net", "sh", "-c", script])
        #expect(result.status == 1)
        #expect(result.output == "")
        #expect(!result.error.contains("installing"))
        #expect(result.error.contains("--inputs"), "\(result.error)")
    }

    @Test func anImageIsRebuiltFromWhatItCarriesAndIsIdentical() throws {
        let workshop = try Workshop()
        let recipe = try workshop.recipe(
            "test/rebuilt:1@debian12", "files:\n  - {path: /opt/a, content: a}\nbuild: ['date -r /opt/a > /opt/b']")
        let digest = try workshop.built(recipe)
        try FileManager.default.removeItem(atPath: recipe)
        let statement = workshop.path("rebuilt.json")
        let result = try workshop.sojourn(
            ["image", "rebuild", "test/rebuilt:1@debian12", "--statement", statement], in: workshop.place.url)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output == "identical \(digest)\n")
        try workshop.expectNothingHalfDone()
        // Signed by the home's own key; the image and both of its filesystems are what it is about.
        let said = try Oracle.envelope(statement, key: "\(workshop.home)/keys/home.pub")
        let layers = try workshop.layers(digest).map { $0.dropFirst(7) }
        #expect(
            said["subjects"]?.array?.compactMap { $0["sha256"]?.string }
                == ([digest.dropFirst(7)] + layers).map(String.init))
        #expect(said["predicate"]?["tools"]?["mmdebstrap"] != nil)
        let kept = try workshop.referrer(of: digest, "urn:sojourn:rebuilt:1")
        #expect(FileManager.default.contents(atPath: kept) == FileManager.default.contents(atPath: statement))
    }

    @Test func aKernelIsRebuiltToo() throws {
        let workshop = try Workshop()
        let result = try workshop.sojourn(["image", "rebuild", "kernel-debian12", "--json"], in: workshop.place.url)
        #expect(result.status == 0, "\(result.error)")
        let answer = try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "rebuild")
        #expect(answer["identical"]?.bool == true && answer["image"] == answer["rebuilt"])
    }

    @Test func theLowestLayerIsTheSameInEveryImageThatStandsOnIt() throws {
        let workshop = try Workshop()
        let system = try #require(try workshop.layers("os/debian12").first)
        for environment in [Workshop.software, "lhc/pythia8:8.316.0@debian12"] {
            _ = try workshop.ensure(environment)
            let layers = try workshop.layers(environment)
            #expect(layers.count == 2)
            #expect(layers.first == system)
        }
    }
}
