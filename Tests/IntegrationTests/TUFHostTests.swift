import Foundation
import Testing

/// The client's host: clocks that are off, full disks, neighbours, sudden ends; and metadata of another time.
@Suite struct TUFHostTests {
    /// A repository of version 2 with a target of a delegated role, and a client that has it.
    private func followed(_ options: [String: Any] = [:]) throws -> (TUFRepository, TUFClient) {
        let repository = try TUFRepository(options)
        try repository.delegate("lhc", paths: ["lhc/*"])
        try repository.target("lhc/file", "one", in: "lhc")
        try repository.publish()
        let client = try TUFClient(repository)
        try client.download("lhc/file").expectDone()
        return (repository, client)
    }

    // MARK: Time

    /// Who holds newer metadata back can do so only until what is known expires.
    @Test(arguments: ["root", "timestamp", "snapshot", "targets", "lhc"])
    func aFrozenRepositoryIsBelievedUntilItExpires(role: String) throws {
        let (repository, client) = try followed()
        try repository("expire", ["role": role, "days": 7])
        try repository.publish()
        try client.download("lhc/file").expectDone()
        let before = try client.state()
        var time = try repository.wait(days: 6)
        try client.download("lhc/file", at: time).expectDone()
        time = try repository.wait(days: 2)
        try client.download("lhc/file", at: time).expectRefusal("expired on 2030-01-08T12:00:30Z, and it is 2030-01-09")
        #expect(try client.state() == before)
        #expect(try client.oracleRefusal(["lhc/file"]) != "")
        // What is kept may have expired as long as newer comes.
        try repository("expire", ["role": role, "days": 7])
        try repository.publish()
        try client.download("lhc/file", at: time).expectDone()
        #expect(try client.oracleRefusal(["lhc/file"]) == "")
    }

    @Test func clocksYearsOff() throws {
        let (repository, client) = try followed()
        let before = try client.state()
        try client.download("lhc/file", at: "2045-06-01 00:00:00").expectRefusal("check this host's clock")
        try client.download("lhc/file", at: "2199-06-01 00:00:00").expectRefusal("check this host's clock")
        // A clock that is slow sees nothing expire; what it has seen still binds.
        try client.download("lhc/file", at: "1971-01-01 00:00:00").expectDone()
        try repository("expire", ["role": "timestamp", "days": -1])
        try repository.publish(["timestamp"])
        try client.download("lhc/file", at: "2003-01-01 00:00:00").expectDone()
        try client.download("lhc/file").expectRefusal("expired on")
        #expect(
            try client.state().filter { $0.key != "timestamp.json" } == before.filter { $0.key != "timestamp.json" })
    }

    // MARK: Other times' metadata

    @Test(arguments: [true, false], [true, false])
    func whatIsServedBelongsTogether(consistent: Bool, announced: Bool) throws {
        let (repository, client) = try followed(["consistent": consistent, "announced": announced])
        try repository("save", ["name": "old"])
        try repository.publish(["lhc", "targets", "snapshot", "timestamp"])
        try repository("save", ["name": "new"])
        let before = try client.state()
        for (index, role) in ["snapshot", "targets", "lhc"].enumerated() {
            let (old, new) = consistent ? ("2.", "3.") : ("", "")
            try repository(
                "load",
                ["name": "old", "files": ["metadata/\(new)\(role).json": "metadata/\(old)\(role).json"]])
            let result = try client.download("lhc/file")
            #expect(result.status == 1)
            // It may be longer than announced.
            #expect(["announced", "at most"].contains { result.error.contains($0) }, "\(result.error)")
            for role in ["snapshot", "targets", "lhc"].dropFirst(index) {
                #expect(try client.text("\(role).json") == before["\(role).json"])
            }
            #expect(try client.oracleRefusal(["lhc/file"]) != "")
            try repository("load", ["name": "new"])
        }
        try client.download("lhc/file").expectDone()
        // All of another time, which is whole in itself.
        let newest = try client.state()
        try repository("load", ["name": "old"])
        try client.download("lhc/file").expectRefusal("was seen before")
        #expect(try client.state() == newest)
    }

    // MARK: The host

    @Test func aFullDiskChangesNothing() throws {
        try #require(getuid() == 0, "this test mounts: run it as root")
        let (repository, client) = try followed()
        try repository.target("lhc/file", String(repeating: "x", count: 200_000), in: "lhc")
        try repository.publish()
        let words = client.downloading(["lhc/file"]).map { "'\($0)'" }.joined(separator: " ")
        let script = """
            cp -a metadata kept; cp -a targets had
            for place in metadata targets; do
                mount -t tmpfs -o size=300k tmpfs $place
            done
            cp -a kept/. metadata; cp -a had/. targets
            run() { '\(try TUFClient.program())' \(words); }
            # Full of nothing; then of all that does not fit.
            dd if=/dev/zero of=metadata/filler bs=1k 2>/dev/null || true
            if run; then echo 'no room and no fault'; fi
            rm metadata/filler
            diff -r kept metadata && echo unchanged
            dd if=/dev/zero of=targets/filler bs=1k count=150 2>/dev/null
            if run; then echo 'no room and no fault'; fi
            rm targets/filler
            diff -r had targets && echo unchanged
            run && cmp metadata/lhc.json kept/lhc.json >/dev/null || echo done
            wc -c < targets/lhc%2Ffile
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-uc", script], directory: client.place.url,
            input: "", environment: try TUFClient.environment(at: TUFClient.beginning)
        ).finish(within: .seconds(60))
        #expect(result.output == "unchanged\nunchanged\ndone\n200000\n", "\(result.error)")
        #expect(result.error.contains("No space left on device"), "\(result.error)")
    }

    @Test func severalAtOnce() throws {
        let (repository, client) = try followed()
        for round in 0..<4 {
            try repository.target("lhc/file", "round \(round)", in: "lhc")
            try repository.publish()
            let running = try (0..<4).map { index in
                try client.start(index == 0 ? client.refreshing : client.downloading(["lhc/file"]))
            }
            for one in running { try one.finish(within: .seconds(60)).expectDone() }
            #expect(try client.artifacts() == ["lhc%2Ffile": "round \(round)"])
            try expectSound(client, repository)
        }
    }

    /// After a kill at any moment only what was verified is there, and the next one goes on.
    @Test func aKillAtAnyMomentLeavesOnlyWhatWasVerified() throws {
        let (repository, client) = try followed()
        var generator = SystemRandomNumberGenerator()
        var killed = 0
        for round in 0..<40 {
            try repository.target("lhc/file", "round \(round)", in: "lhc")
            if round % 5 == 0 {
                try repository.appoint("timestamp", count: 2, threshold: 2)
                try repository.appoint("snapshot", count: 2, threshold: 2)
            }
            try repository.publish()
            let running = try client.start(client.downloading(["lhc/file"]))
            // Within what it takes; the test holds whichever moment it is.
            let moment = ContinuousClock.now.advanced(by: .microseconds(Int.random(in: 0...60_000, using: &generator)))
            while ContinuousClock.now < moment {}
            killed += try client.kill(running) ? 1 : 0
            try expectSound(client, repository)
            if round % 4 == 3 {
                try client.download("lhc/file").expectDone()
                #expect(try client.artifacts()["lhc%2Ffile"] == "round \(round)")
            }
        }
        #expect(killed > 5)
        try repository.publish(deed: "bad-signature", of: "snapshot")
        #expect(try client.refresh().status == 1)
        try expectSound(client, repository)
        try repository.publish()
        try client.download("lhc/file").expectDone()
    }

    /// All that is kept was published, byte by byte.
    private func expectSound(_ client: TUFClient, _ repository: TUFRepository) throws {
        let foreign = try repository("foreign", ["directory": client.metadata.path]) as? [String]
        #expect(foreign == [])
    }

    @Test func whatIsDamagedHereIsFetchedAnew() throws {
        let (_, client) = try followed()
        let before = try client.state()
        for name in ["timestamp.json", "snapshot.json", "targets.json", "lhc.json", "root_history/2.root.json"] {
            let file = client.metadata.appendingPathComponent(name)
            for damaged in ["", "{}", "no JSON at all", String(repeating: "[", count: 100_000)] {
                try Data(damaged.utf8).write(to: file)
                if name.contains("history") { try client.initialise().expectDone() }
                try client.download("lhc/file").expectDone()
                #expect(try client.state() == before, "\(name)")
            }
        }
        try Data("{}".utf8).write(to: client.metadata.appendingPathComponent("root.json"))
        try client.refresh().expectRefusal("the first root")
    }
}
