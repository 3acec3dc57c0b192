import Foundation
import GridModel
import StrictJSON
import Testing

/// How a site follows catalogues: what it believes, what it fetches, and what faults leave behind. Images of a few bytes.
@Suite struct SiteSyncTests {
    private let work: CataloguePlace
    private let server: LocalServer
    private let environment = "lhc/pythia8:8.317.2@debian12"
    private let image: GridModel.Digest

    init() throws {
        work = try CataloguePlace()
        try work.begin()
        image = try work.image(environment, in: "publisher")
        try work.publish([try work.endorse(environment)])
        try work.publish([try work.endorse(CataloguePlace.kernel)])
        server = try LocalServer.files(of: URL(fileURLWithPath: work.catalogue))
        try trust(at: "site")
    }

    private func trust(at home: String) throws {
        let root = "\(work.catalogue)/metadata/1.root.json"
        try work.run(home, "site", "trust", server.url(""), "--name", "lhc", "--root", root)
    }

    private func sync(_ options: String...) throws -> Sojourn.Result {
        try work.result("site", ["site", "sync"] + options)
    }

    private func all(_ arguments: [String]) throws {
        let result = try work.result("site", arguments)
        try #require(result.status == 0, "\(arguments): \(result.error)")
    }

    private func decision(_ reference: String, at home: String = "site") throws -> JSONValue {
        let result = try work.result(home, ["site", "explain", reference, "--json"])
        try #require([0, 4].contains(result.status), "\(result.error)")
        let all = try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "explain")
        return try #require(all[0])
    }

    private func isAccepted(_ reference: String) throws -> Bool { try decision(reference)["isAccepted"] == true }

    /// Everything that is kept of the catalogue, but for locks.
    private func kept() throws -> String {
        try Workshop.run(
            "/bin/sh",
            [
                "-c",
                "cd '\(work.path("homes/site/catalogues/lhc"))/metadata/' && find . -type f | sort | xargs sha256sum",
            ])
    }

    // MARK: What is believed

    @Test func everyRuleIsToldWithWhatItFound() throws {
        #expect(try sync("--no-images").status == 0)
        for (rule, accepted, found) in [
            (["ban", "experiment", "lhc"], false, "lhc endorses it"),
            (["ban", "experiment", "cms"], true, "cms does not endorse"),
            (["ban", "environment", "lhc/*@debian12"], false, "it is called"),
            (["ban", "environment", "lhc/*@debian13"], true, "does not match"),
            (["ban", "image", image.description], false, "bans image"),
            (["ban", "package", "base-files", "12.4"], false, "it has base-files 12.4"),
            (["ban", "package", "base-files", "<12.4"], true, "it has base-files 12.4"),
            (["ban", "package", "xz-utils", "5.6.0"], true, "it has no package xz-utils"),
        ] as [([String], Bool, String)] {
            try all(["site"] + rule)
            let decision = try decision(environment)
            #expect(decision["isAccepted"]?.bool == accepted, "\(rule)")
            #expect("\(decision)".contains(found), "\(rule): \(decision)")
            try all(["site", "forget"] + rule)
            #expect(try isAccepted(environment))
        }
    }

    @Test func anApprovalStandsBeforeABanBelowIt() throws {
        #expect(try sync("--no-images").status == 0)
        try work.run("site", "site", "ban", "experiment", "lhc")
        #expect(try !isAccepted(environment))
        try work.run("site", "site", "approve", "environment", environment)
        #expect(try isAccepted(environment))
        try work.run("site", "site", "ban", "image", image.description)
        #expect(try !isAccepted(environment))
    }

    @Test func withoutASynchronisationNothingIsBelieved() throws {
        try work.refused("site", ["site", "explain", environment], saying: "neither here nor served", status: 3)
        let show = try work.json("site", "site", "show")
        #expect(show["catalogues"]?[0]?["expires"] == nil && show["catalogues"]?[0]?["name"]?.string == "lhc")
        #expect(try sync("--no-images").status == 0)
        #expect(try isAccepted(environment))
    }

    @Test func theNewestIsChosenAndTheLastValidWhereItIsRefused() throws {
        // Endorsements are dated to the second.
        let first = Date()
        try eventually(.seconds(5), "the next second") { Date().timeIntervalSince(first) > 1.1 }
        let newer = try work.image(environment, in: "publisher", content: 2)
        try work.publish([try work.endorse(newer.description)])
        #expect(try sync("--no-images").status == 0)
        #expect(try decision(environment)["digest"]?.string == newer.description)
        try work.run("site", "site", "ban", "image", newer.description)
        #expect(try decision(environment)["digest"]?.string == image.description)
        try Workshop.run(
            "/bin/sh", ["-c", "echo 'newest-refused: refuse' >> '\(work.path("homes/site/config.yaml"))'"])
        let result = try work.result("site", ["run", "--env", environment, "--", "true"])
        #expect(result.status == 125 && result.error.contains("newest-refused"), "\(result.error)")
    }

    // MARK: What is served wrongly

    @Test func aFingerprintThatIsNotTheRootsIsRefused() throws {
        try work.run(
            "other", "site", "trust", server.url(""), "--name", "lhc", "--fingerprint",
            String(repeating: "0", count: 64))
        try work.refused(
            "other", ["site", "sync"], saying: "does not serve the trusted root", "compare the fingerprint")
        let right = try Workshop.run("/usr/bin/sha256sum", ["\(work.catalogue)/metadata/1.root.json"]).prefix(64)
        try work.run("other", "site", "distrust", "lhc")
        try work.run("other", "site", "trust", server.url(""), "--name", "lhc", "--fingerprint", String(right))
        #expect(try work.result("other", ["site", "sync"]).status == 0)
    }

    /// Each of these leaves what was known as it was, and what is served soundly again is taken.
    @Test(arguments: ["timestamp.json", "snapshot.json", "lhc.json", "targets.json"])
    func aDamagedFileChangesNothing(_ name: String) throws {
        #expect(try sync("--no-images").status == 0)
        let before = try kept()
        try work.publish([try work.endorse(environment, until: "50d")])
        try work.run("publisher", "catalogue", "refresh", work.catalogue)
        // A renewed targets.json, so that each of the files is new.
        try work.publish(try work.run("publisher", "catalogue", "renew", "targets", "--catalogue", work.catalogue))
        let served = try Workshop.run(
            "/bin/sh", ["-c", "ls -t '\(work.catalogue)/metadata/'*'\(name)' | head -1"]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
        let sound = try Data(contentsOf: URL(fileURLWithPath: served))
        for damaged in [Data(sound.dropLast(1)), sound + Data(repeating: 32, count: 70 << 20), Data("{}".utf8)] {
            try damaged.write(to: URL(fileURLWithPath: served))
            let result = try sync("--no-images")
            #expect(result.status == 1, "\(result.output)")
            #expect(try kept() == before)
            #expect(try isAccepted(environment))
        }
        try sound.write(to: URL(fileURLWithPath: served))
        let result = try sync("--no-images")
        #expect(result.status == 0, "\(result.error)")
        #expect(try kept() != before)
    }

    // MARK: Interruptions

    @Test func killedSynchronisationsLeaveTheOldOrTheNew() throws {
        #expect(try sync("--no-images").status == 0)
        var generator = SystemRandomNumberGenerator()
        for round in 0..<12 {
            try work.publish([try work.endorse(environment, until: "\(30 + round)d")])
            let running = try Running(
                program: work.home("site").program, arguments: ["site", "sync", "--no-images"],
                directory: work.place.url,
                input: "", environment: ["SOJOURN_HOME": work.path("homes/site")])
            // Within the 50 ms that it takes; the test holds whichever moment it is.
            let moment = ContinuousClock.now.advanced(by: .microseconds(Int.random(in: 0...50_000, using: &generator)))
            while ContinuousClock.now < moment {}
            kill(running.pid, SIGKILL)
            _ = try running.finish(within: .seconds(10))
            #expect(try isAccepted(environment), "round \(round)")
        }
        let result = try sync("--no-images")
        #expect(result.status == 0, "\(result.error)")
        #expect(try Workshop.run("/bin/ls", [work.path("homes/site/catalogues/lhc")]).split(separator: "\n").count <= 4)
    }

    @Test func twoSynchronisationsAtOnceBothSucceed() throws {
        let both = try (0..<2).map { _ in
            try Running(
                program: work.home("site").program, arguments: ["site", "sync", "--no-images"],
                directory: work.place.url,
                input: "", environment: ["SOJOURN_HOME": work.path("homes/site")])
        }
        for running in both {
            let result = try running.finish(within: .seconds(60))
            #expect(result.status == 0, "\(result.error)")
        }
        #expect(try isAccepted(environment))
    }

    @Test func aFullDiskLeavesWhatWas() throws {
        let script = """
            mkdir small
            mount -t tmpfs -o size=600k,mode=700 none small
            export SOJOURN_HOME="$PWD/small"
            '\(work.home("site").program)' site trust \(server.url("")) --name lhc --root '\(work.catalogue)/metadata/1.root.json'
            head -c 560k /dev/zero > small/filler || true
            '\(work.home("site").program)' site sync && echo unexpected
            rm small/filler
            '\(work.home("site").program)' site sync --no-images && echo synchronised
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-uc", script], directory: work.place.url,
            input: "",
            environment: [:]
        ).finish(within: .seconds(60))
        #expect(
            result.output.hasSuffix("synchronised\n") && !result.output.contains("unexpected"),
            "\(result.output)\(result.error)")
        #expect(result.error.contains("No space left"), "\(result.error)")
    }

    // MARK: Advisories

    @Test func anAdvisoryTellsWhatItAffectsAndBansAfterItsDeadline() throws {
        #expect(try sync("--no-images").status == 0)
        func apply(_ deadline: String) throws -> JSONValue {
            try work.place.write(
                "id: DSA-1\npackage: base-files\nfixed: 12.5\nseverity: critical\ndeadline: \(deadline)\n", to: "a.yaml"
            )
            return try work.json("site", "advisory", "apply", work.path("a.yaml"))
        }
        let future = try apply("2099-01-01")
        let named = future["affected"]?.array?.first { $0["name"]?.string == environment }
        #expect(named?["isAccepted"]?.bool == true && named?["digest"]?.string == image.description)
        #expect(try isAccepted(environment))
        #expect("\(try decision(environment)["notes"] ?? "")".contains("DSA-1"))
        _ = try apply("2020-01-01")
        let refused = try decision(environment)
        #expect(refused["isAccepted"]?.bool == false && "\(refused["reasons"] ?? "")".contains("DSA-1"))
        try work.run("site", "advisory", "remove", "DSA-1")
        #expect(try isAccepted(environment))
    }
}
