import Foundation
import Linux
import StrictJSON
import Testing

/// What a job asked for, held and measured from outside of its machine.
@Suite struct RequirementHostTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private func run(_ options: [String], _ command: String) throws -> (Sojourn.Result, record: JSONValue) {
        let result = try sojourn.run(
            ["--os", "debian12", "--memory", "512MiB"] + options, ["sh", "-c", command], in: directory.url)
        return (result, try result.record())
    }

    private func kind(_ record: JSONValue) -> String? { record["outcome"]?["kind"]?.string }

    /// By limit.
    private func holders(_ record: JSONValue) -> [String: String] {
        let entries = record["enforcement"]?.array ?? []
        return Dictionary(
            entries.map { ($0["limit"]?.string ?? "", $0["by"]?.string ?? "nothing") }, uniquingKeysWith: { $1 })
    }

    private func phase(_ name: String, of record: JSONValue) throws -> JSONValue {
        try #require(record["phases"]?.array?.first { $0["name"]?.string == name }?["host"])
    }

    // MARK: Output

    @Test func tooMuchOutputEndsTheJobAndWhatWasAllowedIsPassedOn() throws {
        let (result, record) = try run(
            ["--out-limit", "1MiB"],
            "trap 'echo never seen; exit 0' TERM; head -c 600000 /dev/zero | tr '\\0' e >&2; while :; do echo line; done"
        )
        #expect(kind(record) == "output-limit")
        #expect(result.status == 125)
        #expect(result.error.contains("--out-limit"))
        #expect(result.error.hasPrefix(String(repeating: "e", count: 600_000)))
        #expect(result.output.utf8.count == 1 << 20 - 600_000)
        #expect(result.output.hasPrefix("line\nline\n"))
        #expect(!result.output.contains("never"))
    }

    @Test func outputUpToTheLimitIsWhole() throws {
        let (result, record) = try run(
            ["--out-limit", "1MiB"], "head -c 1048000 /dev/zero | tr '\\0' o; head -c 576 /dev/zero | tr '\\0' e >&2")
        #expect(kind(record) == "exited")
        #expect(result.output.utf8.count == 1_048_000)
    }

    @Test func aJobThatFloodsAndTakesNoNoticeIsKilled() throws {
        let (result, record) = try run(["--out-limit", "1KiB"], "trap '' TERM; while :; do echo line; done")
        #expect(kind(record) == "output-limit")
        #expect(result.status == 125)
        #expect(result.output.utf8.count == 1024)
    }

    // MARK: Processor time

    @Test func processorTimeIsCountedFromOutside() throws {
        let (result, record) = try run(
            ["--cpu", "3s"], "trap 'echo asked; exit 0' TERM; echo begun; while :; do :; done")
        #expect(kind(record) == "cpu-time")
        #expect(result.status == 124)
        #expect(result.output == "begun\nasked\n")
        #expect(result.error.contains("--cpu"))
        let spent = try phase("run", of: record)["processorMilliseconds"]?.int ?? 0
        #expect((3000..<6000).contains(spent))
    }

    /// Sleep costs nothing: the start of the machine is not the payload's either.
    @Test func aJobThatSleepsSpendsNoProcessorTime() throws {
        let (_, record) = try run(["--cpu", "2s"], "sleep 6")
        #expect(kind(record) == "exited")
    }

    // MARK: Measured

    @Test func processorTimeOutsideIsNoLessThanInside() throws {
        let (_, record) = try run([], "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done")
        let usage = try #require(record["usage"])
        let inside = (usage["userMilliseconds"]?.int ?? 0) + (usage["systemMilliseconds"]?.int ?? 0)
        let outside = try phase("run", of: record)["processorMilliseconds"]?.int ?? 0
        #expect(inside > 1000)
        // A guest takes for its own also what the host gave to others meanwhile.
        #expect(outside * 100 >= inside * 95)
        #expect(outside < inside * 2)
    }

    @Test func bytesToTheScratchDiskAreRightToFivePercent() throws {
        let (_, record) = try run(
            [],
            "dd if=/dev/zero of=/var/tmp/x bs=1M count=200 conv=fsync && "
                + "dd if=/var/tmp/x of=/dev/null iflag=direct bs=1M")
        let host = try phase("run", of: record)
        expect(host["writtenBytes"], 200 << 20)
        expect(host["readBytes"], 200 << 20)
        expect(record["hostUsage"]?["writtenBytes"], 200 << 20)
    }

    @Test func bytesToAndFromASharedDirectoryAreRightToFivePercent() throws {
        try Data(count: 60 << 20).write(to: directory.url.appendingPathComponent("in"))
        let (_, record) = try run([], "dd if=/dev/zero of=out bs=1M count=100; dd if=in of=/dev/null bs=1M")
        let host = try phase("run", of: record)
        expect(host["writtenBytes"], 100 << 20)
        expect(host["readBytes"], 60 << 20)
        expect(record["hostUsage"]?["readBytes"], 60 << 20)
    }

    private func expect(_ bytes: JSONValue?, _ size: Int64, line: SourceLocation = #_sourceLocation) {
        let ratio = Double(bytes?.int ?? 0) / Double(size)
        #expect((0.95..<1.05).contains(ratio), "\(bytes?.int ?? -1) of \(size)", sourceLocation: line)
    }

    /// The machine's memory is shared with a virtiofsd and still counted once; it goes back when it is no longer used.
    @Test func memoryIsThePeakOfWhatTheMachineTouched() throws {
        let (_, small) = try run([], "true")
        let (_, large) = try run(
            [], "cat /etc/passwd > copy; perl -e 'my @a; push @a, q(x) x 1000000 for 1..300; sleep 1'; sleep 2")
        // Some of the 286 MiB were touched at boot already.
        let before = try #require(bytes(small["hostUsage"]?["peakMemory"]))
        let after = try #require(bytes(large["hostUsage"]?["peakMemory"]))
        #expect((240 << 20..<420 << 20).contains(after - before), "\(before) \(after)")
        // What was there at the end of the boot is less than at the end of the run.
        #expect(try #require(bytes(try phase("boot", of: large)["peakMemory"])) < after)
    }

    private func bytes(_ value: JSONValue?) -> Int64? {
        guard let text = value?.string, let number = Int64(text.prefix { $0.isNumber }) else { return nil }
        switch text.drop(while: \.isNumber) {
        case "": return number
        case "KiB": return number << 10
        case "MiB": return number << 20
        case "GiB": return number << 30
        default: return nil
        }
    }

    @Test func whatAKilledQEMUUsedIsKnown() throws {
        let subject = try Subject(sojourn, in: directory.url, "while :; do :; done")
        let qemu = try Processes.qemu(of: subject.id)
        try eventually(.seconds(60), "three seconds of work") {
            (ProcessUsage(of: qemu)?.processorMilliseconds ?? 0) > 6000
        }
        kill(qemu, SIGKILL)
        _ = try subject.running.finish()
        #expect(try subject.waitForRecord()["hostUsage"]?["processorMilliseconds"]?.int ?? 0 >= 6000)
    }

    // MARK: Cgroups

    private func cgroups(of subject: Subject) throws -> [String] {
        let file = "\(subject.directory)/cgroups.json"
        let data = try #require(
            FileManager.default.contents(atPath: file), "no cgroup is writable here: run this test as root")
        return try StrictJSON.decode([String].self, from: Array(data), source: file)
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try Files.read(path, limit: 16 << 20), as: UTF8.self)
    }

    @Test func allProcessesOfAMachineAreInItsCgroupWhichGoesWithIt() throws {
        let subject = try Subject(sojourn, in: directory.url, "read line")
        let groups = try cgroups(of: subject)
        #expect(groups.allSatisfy { $0.hasSuffix("/sojourn-\(subject.id)") && Files.exists($0) })
        let processes =
            try [Processes.qemu(of: subject.id)] + Processes.mentioning("source=\(directory.url.path)")
        // QEMU, virtiofsd, and its child that serves.
        #expect(processes.count == 3)
        for group in groups {
            let members = try Set(text("\(group)/cgroup.procs").split(separator: "\n").compactMap { Int32($0) })
            #expect(members == Set(processes))
        }
        try subject.running.send("\n")
        _ = try subject.running.finish()
        #expect(groups.filter(Files.exists) == [])
        let holders = holders(try subject.waitForRecord())
        #expect(holders["cores"]?.contains("cgroup cpu: 1.5") == true)
        #expect(holders["memory"]?.contains("cgroup memory") == true)
    }

    @Test func theCgroupOfAMachineWhoseSupervisorWasKilledIsSwept() throws {
        let subject = try Subject(sojourn, in: directory.url, "sleep 1000")
        let groups = try cgroups(of: subject)
        let supervisor = try Processes.supervisor(of: subject.id)
        kill(subject.running.pid, SIGKILL)
        kill(supervisor, SIGKILL)
        try Processes.expectNone(of: subject.id, sharing: directory.url)
        #expect(groups.allSatisfy(Files.exists))
        _ = try sojourn(["machine", "list"])
        try subject.expectEnd("supervisor-killed")
        #expect(groups.filter(Files.exists) == [])
        #expect(!FileManager.default.fileExists(atPath: "\(subject.directory)/cgroups.json"))
    }

    /// This host has version 1; a machine has version 2, with our own test alone in its group: it moves to a leaf.
    @Test func cgroupsOfVersion2AreMadeWhereTheyAreDelegated() throws {
        let bundle = try #require(Files.canonical("/proc/self/exe"))
        let library = try #require(
            try text("/proc/self/maps").split(separator: "\n").first { $0.hasSuffix("/libswiftCore.so") }?
                .split(separator: " ").last.map { Files.parent(of: String($0)) })
        let result = try sojourn.run(
            ["--os", "debian12", "--memory", "1GiB", "--setenv", "SOJOURN_TEST_CGROUP=yes"]
                + [Files.parent(of: bundle), library].flatMap { ["--bind", "\($0):\($0):ro"] },
            [bundle, "--testing-library", "swift-testing", "--filter", "aCgroupHoldsAProcess"], in: directory.url)
        #expect(result.status == 0, "\(result.output)\(result.error)")
        #expect((result.output + result.error).contains("Test run with 1 test"))
    }

    /// QEMU that takes more than the machine's memory and its own is ended by the kernel, and the record says why.
    @Test func aQEMUThatTakesTooMuchIsEndedByItsCgroup() throws {
        let subject = try Subject(
            sojourn, options: ["--memory", "512MiB"], in: directory.url,
            "read line; perl -e 'my $x = q(x) x 300000000; sleep 1000'")
        let memory = try #require(try cgroups(of: subject).first { Files.exists("\($0)/memory.limit_in_bytes") })
        // QEMU does not outgrow its limit here: the limit comes down to it, and the guest then fills its memory.
        let used = try #require(Int(try text("\(memory)/memory.usage_in_bytes").filter(\.isNumber)))
        try Data("\(used + (16 << 20))".utf8).write(to: URL(fileURLWithPath: "\(memory)/memory.limit_in_bytes"))
        try subject.running.send("\n")
        let result = try subject.running.finish()
        #expect(result.status == 125)
        let notes = try subject.waitForRecord()["notes"]?.array?.compactMap(\.string) ?? []
        #expect(notes.contains { $0.contains("took more of the host's memory") })
    }

    @Test func anOrdinaryUsersMachineIsHeldByQEMUAndSaysSo() throws {
        let user = try OrdinaryUser.shared.get()
        let result = try user.sojourn(
            [
                "run", "--json", "--os", "debian12", "--memory", "512MiB", "--cpu", "2s", "--", "sh", "-c",
                "while :; do :; done",
            ],
            in: user.directory.appendingPathComponent("tmp"))
        let record = try result.record()
        #expect(kind(record) == "cpu-time")
        #expect(holders(record)["cores"] == "QEMU: 1 virtual processor")
        #expect(holders(record)["memory"]?.contains("cgroup memory") == false)
        #expect(record["hostUsage"]?["processorMilliseconds"]?.int ?? 0 > 2000)
    }

    // MARK: Placement

    @Test func aPinnedMachinesThreadsRunOnItsProcessorsOnly() throws {
        let machine = try Handmade(sojourn, in: directory.url, "echo ready > ready; sleep 1000") {
            var hosting = $0["hosting"]?.object ?? [:]
            hosting["processors"] = .array([1])
            $0["hosting"] = .object(hosting)
        }
        let running = try machine.start()
        try eventually(.seconds(60), "the payload") { directory.text("ready") == "ready\n" }
        let qemu = try Processes.qemu(of: machine.id)
        let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(qemu)/task").map {
            "/proc/\(qemu)/task/\($0)"
        }
        #expect(threads.count > 2)
        let servers = Processes.mentioning("source=\(directory.url.path)").map { "/proc/\($0)" }
        #expect(servers.count == 2)
        for process in threads + servers {
            #expect(try text("\(process)/status").contains("Cpus_allowed_list:\t1\n"))
        }
        kill(running.pid, SIGTERM)
        _ = try running.finish(within: .seconds(60))
        #expect(holders(try machine.record())["cores"]?.contains("affinity: 1") == true)
    }

    /// There is one node here: that QEMU is told, and has it, is all that can be seen.
    @Test func memoryComesFromTheNodeOfItsProcessors() throws {
        let machine = try Handmade(sojourn, in: directory.url, "echo ready > ready; sleep 1000") {
            var hosting = $0["hosting"]?.object ?? [:]
            hosting["node"] = 0
            $0["hosting"] = .object(hosting)
        }
        let running = try machine.start()
        try eventually(.seconds(60), "the payload") { directory.text("ready") == "ready\n" }
        let qemu = try Processes.qemu(of: machine.id)
        #expect(try text("/proc/\(qemu)/numa_maps").split(separator: "\n").contains { $0.contains("bind:0 ") })
        kill(running.pid, SIGTERM)
        _ = try running.finish(within: .seconds(60))
    }

    @Test func hugePagesAreTakenAndTooFewAreRefusedByNumber() throws {
        let file = URL(fileURLWithPath: "/proc/sys/vm/nr_hugepages")
        let before = try text(file.path)
        defer { try? Data(before.utf8).write(to: file) }
        let machine = try Handmade(sojourn, in: directory.url, "grep -c . /proc/meminfo") {
            var hosting = $0["hosting"]?.object ?? [:]
            hosting["hasHugepages"] = true
            $0["hosting"] = .object(hosting)
            $0["memory"] = "256MiB"
        }
        try Data("300".utf8).write(to: file)
        try #require(try text(file.path) == "300\n", "the kernel gives no huge pages here: run this test as root")
        let record = try machine.supervise()
        #expect(kind(record) == "exited")
        #expect(holders(record)["memory"]?.contains("in all, huge pages") == true)
        #expect(try #require(bytes(record["hostUsage"]?["peakMemory"])) > 64 << 20)

        try Data("100".utf8).write(to: file)
        let second = try Handmade(sojourn, in: directory.url, "true") {
            var hosting = $0["hosting"]?.object ?? [:]
            hosting["hasHugepages"] = true
            $0["hosting"] = .object(hosting)
            $0["memory"] = "256MiB"
        }
        let refused = try second.supervise()
        #expect(kind(refused) == "refused")
        let message = refused["outcome"]?["message"]?.string ?? ""
        let pages = (try #require(bytes(refused["machineMemory"])) + (2 << 20) - 1) >> 21
        #expect(message.contains("needs \(pages) huge pages of 2MiB, this host has 100 free"))
    }
}
