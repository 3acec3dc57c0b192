import Foundation
import StrictJSON
import Testing

/// Volume: many machines, sizes and moments. `make test-long` only.
@Suite(.enabled(if: Sojourn.isLong)) struct LongTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    /// Forty machines, four at a time, each with its own output and status.
    @Test func manyMachinesDoNotMeet() throws {
        for round in 0..<10 {
            let running = try (0..<4).map { index in
                try sojourn.start(
                    [
                        "run", "--os", "debian12", "--memory", "256MiB", "--", "sh", "-c",
                        "echo \(round)-\(index); exit \(index)",
                    ],
                    in: directory.url)
            }
            for (index, one) in running.enumerated() {
                let result = try one.finish()
                #expect(result.output == "\(round)-\(index)\n")
                #expect(result.status == Int32(index), "\(result.error)")
            }
        }
    }

    @Test(arguments: ["256MiB", "1GiB", "4GiB", "8GiB"], ["1", "2"])
    func sizesBoot(_ memory: String, _ cores: String) throws {
        let result = try sojourn.run(
            ["--os", "debian12", "--memory", memory, "--cores", cores], ["nproc"], in: directory.url)
        #expect(result.output == "\(cores)\n", "\(result.error)")
    }

    /// One of the three processes is killed at a moment of chance: a record of it is always there in the end, and nothing else.
    @Test func aKillAtAnyMomentLeavesARecordAndNothingElse() throws {
        var generator = SystemRandomNumberGenerator()
        for round in 0..<30 {
            let place = try Scratch()
            let running = try sojourn.start(
                ["run", "--os", "debian12", "--", "sh", "-c", "sleep 0.5; echo done"], in: place.url)
            let moment = ContinuousClock.now.advanced(by: .milliseconds(Int.random(in: 0...4500, using: &generator)))
            try eventually(.seconds(10), "a moment") { ContinuousClock.now >= moment }
            let supervisors = Processes.mentioning("machine\0run\0")
            let qemus = Processes.mentioning("sojourn-2")
            let victims = [[running.pid], supervisors, qemus, [running.pid] + supervisors][round % 4]
            for victim in victims { kill(victim, SIGKILL) }
            _ = try running.finish(within: .seconds(60))
            try eventually(.seconds(30), "the end of all") {
                Processes.mentioning("source=\(place.url.path)").isEmpty
                    && Processes.mentioning("machine\0run\0").isEmpty
            }
            _ = try sojourn(["machine", "list"])
            let machines = "\(sojourn.home.path)/machines"
            for id in try FileManager.default.contentsOfDirectory(atPath: machines) {
                let left = Set(try FileManager.default.contentsOfDirectory(atPath: "\(machines)/\(id)"))
                #expect(left.contains("record.json"), "round \(round): \(id) has no record")
                #expect(
                    left.isDisjoint(with: ["scratch.img", "socket", "reserve"]), "round \(round): \(id) left \(left)")
            }
        }
    }

    /// At its limit a payload can stand still for ever, fetching its own program again and again.
    @Test func aPayloadThatThrashesIsOutOfMemory() throws {
        try directory.write(
            """
            size=$(($(cat /sys/fs/cgroup/payload/memory.max) / 1048576 - 5))
            perl -e 'my $x; vec($x, '$size' * 1048576, 8) = 1;
                for (my $i = 0; $i < length($x); $i += 4096) { substr($x, $i, 1) = "y" }
                while (1) { for my $f (glob("/usr/bin/*")) { open(my $h, "<", $f) or next; my $b; 1 while read($h, $b, 65536) } }'
            """, to: "thrash.sh")
        let result = try sojourn.run(
            ["--os", "debian12", "--memory", "256MiB", "--wall", "5m"], ["sh", "thrash.sh"], in: directory.url)
        #expect(try result.record()["outcome"]?["kind"]?.string == "out-of-memory")
    }

    /// A gigabyte through the channel: bounded memory, nothing lost.
    @Test func aGigabyteOfOutput() throws {
        let result = try sojourn(
            ["run", "--os", "debian12", "--", "sh", "-c", "yes 0123456789abcde | head -c 1073741824"],
            in: directory.url,
            deadline: .seconds(1800))
        #expect(result.status == 0)
        #expect(result.output.utf8.count == 1 << 30)
        #expect(result.output.utf8.elementsEqual(String(repeating: "0123456789abcde\n", count: 1 << 26).utf8))
    }
}
