import Foundation
import GridModel
import StrictJSON
import Testing

/// A site that follows a catalogue, with real machines.
@Suite struct SiteRunTests {
    private let system: EndorsedSystem
    private var work: CataloguePlace { system.work }
    private var publisher: Workshop { system.publisher }
    private var server: LocalServer { system.server }

    init() throws { system = try EndorsedSystem() }

    private var fingerprint: String {
        get throws {
            try Workshop.run("/usr/bin/sha256sum", ["\(work.catalogue)/metadata/1.root.json"]).prefix(64).description
        }
    }

    private func trust() throws {
        try work.run("site", "site", "trust", server.url(""), "--name", "lhc", "--fingerprint", fingerprint)
    }

    private func sync() throws -> Sojourn.Result { try work.result("site", ["site", "sync"]) }

    /// A job on Debian 12 at the site.
    private func job(_ arguments: [String] = []) throws -> Sojourn.Result {
        try work.home("site")(
            ["run", "--os", "debian12"] + arguments + ["--", "sh", "-c", "echo here"], in: work.place.url,
            deadline: .seconds(180))
    }

    private func refused(saying words: String...) throws {
        let result = try job()
        #expect(result.status == 125 && result.output.isEmpty, "\(result.output)\(result.error)")
        for word in words { #expect(result.error.contains(word), "'\(word)' is not in: \(result.error)") }
    }

    private func runs() throws {
        let result = try job()
        #expect(result.status == 0 && result.output == "here\n", "\(result.error)")
    }

    @Test func anEndorsedImageIsFetchedAndRunsAndEveryRuleIsAskedAtEveryStart() throws {
        try trust()
        let synced = try sync()
        #expect(synced.status == 0 && synced.output.contains("new      os/debian12"), "\(synced.error)")
        // Fetched at first use; the record says on whose word.
        let first = try job(["--record", "record", "--summary"])
        #expect(first.status == 0 && first.error.contains("fetching os/debian12"), "\(first.error)")
        #expect(first.error.contains("\nfetched  "), "\(first.error)")
        #expect(try RecordSchema.faults(of: ["record"], in: work.place.url) == "")
        let record = try StrictJSON.decode(
            JSONValue.self, from: Array(work.place.text("record").utf8), source: "record")
        let image = try #require(record["acceptance"]?[0])
        #expect(image["isAccepted"]?.bool == true && image["standing"]?.string == "endorsed")
        #expect(image["endorsements"]?[0]?["endorsers"]?[0]?["name"]?.string == "alice")
        #expect(record["acceptance"]?[1]?["name"]?.string == "kernel-debian12")

        // Banned: neither run nor replay, with the reason; no other image is meant, and the rule can be taken back.
        try work.run("site", "site", "ban", "package", "base-files", "--because", "a test of bans")
        try refused(saying: "bans package base-files", "a test of bans", "it has base-files")
        let id = try #require(record["id"]?.string)
        let replay = try work.home("site")(["replay", id], in: work.place.url, deadline: .seconds(180))
        #expect(replay.status == 125 && replay.error.contains("a test of bans"), "\(replay.error)")
        try work.run("site", "site", "forget", "ban", "package", "base-files")
        try work.run("site", "site", "ban", "package", "base-files", "1")
        try runs()

        // The endorser is not believed here any more.
        let key = try #require(image["endorsements"]?[0]?["endorsers"]?[0]?["key"]?.string)
        try work.run("site", "site", "ban", "endorser", key)
        try refused(saying: "where 1 are needed", "alice")
        try work.run("site", "site", "forget", "ban", "endorser", key)

        // Years later everything has expired; today nothing has.
        let later = try Workshop.tool(
            "/usr/bin/faketime", ["+400 days", work.home("site").program, "run", "--os", "debian12", "--", "true"],
            environment: ["SOJOURN_HOME": work.path("homes/site")])
        #expect(later.status == 125 && later.error.contains("ended at"), "\(later.error)")
        try runs()
    }

    @Test func whatIsWithdrawnStaysRefusedWhateverIsServedThen() throws {
        try trust()
        #expect(try sync().status == 0)
        try runs()
        let old = work.path("old")
        try Workshop.run("/bin/cp", ["-a", "\(work.catalogue)/metadata", old])
        let draft = try #require(
            work.run(
                "publisher", "withdraw", "os/debian12", "--because", "a fault in its shell", "--catalogue",
                work.catalogue
            ).first)
        try work.publish([draft])
        // Not known here yet.
        try runs()
        #expect(try sync().output.contains("gone     os/debian12"))
        try refused(saying: "lhc has withdrawn it", "a fault in its shell")
        // The publisher's own build of the same bits is no way around it.
        let own = try work.result("publisher", ["site", "explain", "os/debian12"])
        #expect(own.status == 0, "it follows nobody: \(own.error)")
        // Somebody serves yesterday's metadata.
        let new = work.path("new")
        try Workshop.run("/bin/mv", ["\(work.catalogue)/metadata", new])
        try Workshop.run("/bin/mv", [old, "\(work.catalogue)/metadata"])
        let back = try sync()
        #expect(back.status == 1 && back.error.contains("was seen before"), "\(back.error)")
        try refused(saying: "lhc has withdrawn it")
        try Workshop.run("/bin/mv", ["\(work.catalogue)/metadata", old])
        try Workshop.run("/bin/mv", [new, "\(work.catalogue)/metadata"])
        #expect(try sync().status == 0)
    }

    @Test func aWrongBlobIsNotTakenAndASoundOneIs() throws {
        try trust()
        let layer = try publisher.show("os/debian12")["layers"]?[0]?["digest"]?.string
        let digest = try #require(layer?.dropFirst(7))
        let served = "\(work.catalogue)/blobs/sha256/\(digest)"
        let sound = work.path("sound")
        try Workshop.run("/bin/mv", [served, sound])
        for spoil in [
            "cp '\(sound)' '\(served)'; printf x | dd of='\(served)' bs=1 seek=9999999 conv=notrunc",
            "head -c 9999999 '\(sound)' > '\(served)'",
        ] {
            try Workshop.run("/bin/sh", ["-euc", spoil])
            let result = try work.result("site", ["site", "sync", "--all"])
            #expect(!result.output.contains("fetched") && result.error.contains("os/debian12"), "\(result.output)")
            // What came of it is sound, and waits for the rest.
            #expect(try work.result("site", ["image", "verify", "os/debian12"]).status == 0)
        }
        try Workshop.run("/bin/mv", [sound, served])
        let result = try work.result("site", ["site", "sync", "--all"])
        #expect(result.output.contains("fetched  os/debian12"), "\(result.error)")
        #expect(try work.result("site", ["image", "verify", "os/debian12"]).status == 0)
    }

    @Test func killedFetchesLeaveNothingWrongAndAreGoneOnWith() throws {
        try trust()
        #expect(try work.result("site", ["site", "sync", "--no-images"]).status == 0)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<8 {
            let running = try Running(
                program: work.home("site").program, arguments: ["site", "sync", "--all"], directory: work.place.url,
                input: "", environment: ["SOJOURN_HOME": work.path("homes/site")])
            let moment = ContinuousClock.now.advanced(by: .milliseconds(Int.random(in: 0...600, using: &generator)))
            try eventually(.seconds(10), "a moment") { ContinuousClock.now >= moment }
            kill(running.pid, SIGKILL)
            _ = try running.finish(within: .seconds(10))
            let known = try work.result("site", ["image", "verify", "os/debian12"])
            #expect([0, 3].contains(known.status), "\(known.error)")
        }
        #expect(try work.result("site", ["site", "sync", "--all"]).status == 0)
        #expect(try work.result("site", ["image", "verify", "os/debian12"]).status == 0)
        #expect(!FileManager.default.fileExists(atPath: work.path("homes/site/cache/fetch")))
    }

    @Test func whatNobodyAnswersForDoesNotRunUnlessItsDigestIsApproved() throws {
        let digest = try #require(publisher.show("os/debian12")["digest"]?.string)
        try work.run("publisher", "image", "export", "os/debian12", "--to", work.path("layout"))
        try work.run("site", "image", "import", work.path("layout"))
        try refused(saying: "nobody answers for it", "sojourn site approve image")
        try work.run("site", "site", "approve", "image", digest)
        try refused(saying: "kernel-debian12 may not run here")
        let kernel = try #require(publisher.show("kernel-debian12")["digest"]?.string)
        try work.run("site", "site", "approve", "image", kernel)
        try runs()
    }

    /// Written under whatever umask, the host's rules can be read by all; where they cannot, nothing runs.
    @Test func rulesThatAUserCannotReadAreNoMissingRules() throws {
        let program = work.home("site").program
        let asUser =
            "setpriv --reuid 65534 --regid 65534 --clear-groups env SOJOURN_HOME=\"$PWD/user\" ./program site show"
        let script = """
            chmod 755 .
            install -m 755 '\(program)' program
            mkdir -p upper user
            chown 65534 user
            chmod 700 user
            mount -t tmpfs none upper
            mkdir upper/u upper/w
            mount -t overlay none -o lowerdir=/etc,upperdir="$PWD/upper/u",workdir="$PWD/upper/w" /etc
            umask 077
            SOJOURN_HOME="$PWD/root" '\(program)' site ban experiment cms --system
            \(asUser) | grep -c 'ban experiment cms'
            chmod 700 /etc/sojourn
            \(asUser) || echo refused
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-euc", script], directory: work.place.url,
            input: "", environment: [:]
        ).finish(within: .seconds(60))
        #expect(result.output == "1\nrefused\n", "\(result.output)\(result.error)")
        #expect(result.error.contains("/etc/sojourn/config.yaml"), "\(result.error)")
    }

    /// `/etc` of a mount namespace of its own: what stands there binds the home.
    @Test func usersDoNotRiseOverTheSitesRules() throws {
        try trust()
        #expect(try sync().status == 0)
        let digest = try #require(publisher.show("os/debian12")["digest"]?.string)
        try work.run("site", "site", "approve", "image", digest)
        let program = work.home("site").program
        let script = """
            mkdir -p etc/sojourn
            mount -t overlay none -o lowerdir="$PWD/etc:/etc" /etc
            echo 'rules: [{ban: "package base-files", because: "the site says so"}]' > etc/sojourn/config.yaml
            '\(program)' run --os debian12 -- true || echo banned $?
            echo 'unmatched: accept' > etc/sojourn/config.yaml
            '\(program)' run --os debian12 -- echo runs
            printf 'own-images: forbid\ncatalogues: []\nuser-catalogues: forbid\n' > etc/sojourn/config.yaml
            '\(program)' run --os debian12 -- true || echo forbidden $?
            '\(program)' site trust http://127.0.0.1:1 --name other --fingerprint \(try fingerprint) || echo kept $?
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-euc", script], directory: work.place.url,
            input: "", environment: ["SOJOURN_HOME": work.path("homes/site")]
        ).finish(within: .seconds(120))
        #expect(result.output == "banned 125\nruns\nforbidden 125\nkept 1\n", "\(result.output)\(result.error)")
        #expect(
            result.error.contains("the site says so") && result.error.contains("user-catalogues"), "\(result.error)")
    }
}
