import Foundation
import StrictJSON
import Testing

/// Volume and chance in builds. `make test-long` only.
@Suite(.enabled(if: Sojourn.isLong)) struct FactoryLongTests {
    private static let text = """
        files: [{path: /opt/a, content: a}]
        build: ['i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i > /opt/f$i; done']
        """

    private func requireSpace(_ workshop: Workshop, _ gibibytes: Int64) throws {
        for path in [workshop.directory, workshop.home] {
            let free = try FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize] as? Int64
            try #require((free ?? 0) > gibibytes << 30, "\(path) needs \(gibibytes) GiB of free disk for this test")
        }
    }

    @Test func aSnapshotOfAMillionFiles() throws {
        let workshop = try Workshop.apart()
        try requireSpace(workshop, 30)
        try workshop.shell(
            """
            python3 -c '
            import os
            for directory in range(1000):
                os.makedirs("snap/%d" % directory)
                for name in range(1000):
                    with open("snap/%d/%d" % (directory, name), "w") as file:
                        file.write("%d %d" % (directory, name))
            '
            """)
        let name = "test/million:1@debian12"
        let recipe = try workshop.recipe(name, "snapshot: [{from: snap, to: /opt/sw}]")
        let digest = try Workshop.digest(try workshop.build(recipe, deadline: .seconds(7200)))
        let document = try #require(
            FileManager.default.contents(atPath: workshop.referrer(of: digest, "application/spdx+json")))
        #expect(String(decoding: document, as: UTF8.self).components(separatedBy: "\"fileName\"").count == 1_000_001)
        let output = try workshop.run(name, "cat /opt/sw/999/999; echo; ls /opt/sw | wc -l; ls /opt/sw/500 | wc -l")
        #expect(output == "999 999\n1000\n1000\n")
    }

    @Test func aSnapshotWithASparseFileOfTwentyGigabytes() throws {
        let workshop = try Workshop.apart()
        try requireSpace(workshop, 10)
        try workshop.shell(
            """
            mkdir snap; truncate -s 20G snap/sparse
            for place in 0 5 10 19; do printf "at $place" | dd of=snap/sparse bs=1G seek=$place conv=notrunc status=none; done
            """)
        let name = "test/sparse:1@debian12"
        let recipe = try workshop.recipe(name, "snapshot: [{from: snap, to: /opt/sw}]")
        _ = try Workshop.digest(try workshop.build(recipe, deadline: .seconds(7200)))
        let layer = try #require(try workshop.show(name)["layers"]?.array?.last?["size"]?.int)
        #expect(layer < 1 << 30)
        let output = try workshop.run(
            name,
            """
            stat -c %s /opt/sw/sparse
            for place in 0 5 10 19; do dd if=/opt/sw/sparse bs=1 skip=$((place << 30)) count=5 status=none | tr -d '\\0'; echo; done
            """)
        #expect(output == "21474836480\nat 0\nat 5\nat 10\nat 19\n")
    }

    @Test func aKillAtAnyMomentOfABuildLeavesNothing() throws {
        let whole = try Workshop()
        let name = "test/killed:1@debian12"
        let digest = try whole.built(try whole.recipe(name, Self.text))
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(name, Self.text)
        var generator = SystemRandomNumberGenerator()
        for round in 0..<30 {
            let running = try workshop.sojourn.start(
                ["image", "build", recipe, "--fresh", "--no-check"], in: workshop.place.url)
            let moment = ContinuousClock.now.advanced(by: .milliseconds(Int.random(in: 0...3000, using: &generator)))
            try eventually(.seconds(10), "a moment") { ContinuousClock.now >= moment }
            kill(running.pid, SIGKILL)
            _ = try running.finish()
            try FactoryInterruptionTests.expectEnd(in: workshop)
            #expect(try workshop.built(recipe) == digest, "round \(round)")
            try workshop.expectNothingHalfDone()
        }
        #expect(try workshop.sojourn(["image", "verify"]).status == 0)
    }

    @Test func ordersLocalesMasksZonesAndCoresOfChanceMakeOneDigest() throws {
        var digests: Set<String> = []
        let source = try Workshop()
        let name = "test/chance:1@debian12"
        for round in 0..<10 {
            let workshop = try Workshop.apart()
            let names = (0..<200).map { "f\($0)" }.shuffled().joined(separator: " ")
            try workshop.shell(
                """
                umask 022; mkdir snap; cd snap
                for name in \(names); do echo $name > $name; touch -d @1000000000 $name; done; touch -d @1000000000 .
                """)
            let recipe = try workshop.recipe(
                name, "snapshot: [{from: snap, to: /opt/s}]\nbuild: ['ls -fU /opt/s | sort > /opt/list']")
            let script = """
                umask \(["022", "077", "002", "000"].randomElement() ?? "022")
                exec taskset -c \(round % 2) '\(source.sojourn.program)' image build '\(recipe)' --no-check
                """
            let result = try Running(
                program: "/bin/sh", arguments: ["-euc", script], directory: workshop.place.url, input: "",
                environment: [
                    "SOJOURN_HOME": workshop.home, "TZ": ["UTC", "Asia/Tokyo", "America/St_Johns"][round % 3],
                    "LC_ALL": ["C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8"][round % 4],
                ]
            ).finish()
            digests.insert(try Workshop.digest(result))
        }
        #expect(digests.count == 1)
    }
}
