import Foundation
import StrictJSON
import Testing

/// Every way in which a machine can end: told apart in the record, told plainly, what was produced kept, nothing left.
@Suite struct EndTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private func run(_ options: [String], _ command: String) throws -> (Sojourn.Result, kind: String?) {
        let result = try sojourn.run(["--os", "debian12"] + options, ["sh", "-c", command], in: directory.url)
        return (result, try result.record()["outcome"]?["kind"]?.string)
    }

    @Test func aSignalThatEndsThePayload() throws {
        let (result, kind) = try run([], "echo before; kill -SEGV $$")
        #expect(kind == "signalled")
        #expect(result.status == 139)
        #expect(result.output == "before\n")
    }

    @Test func theWallTime() throws {
        let (result, kind) = try run(
            ["--wall", "2s"], "trap 'echo asked; exit 0' TERM; echo begun; while :; do sleep 0.1; done")
        #expect(kind == "wall-time")
        #expect(result.status == 124)
        #expect(result.output == "begun\nasked\n")
        #expect(result.error.contains("wall time of 2s"))
    }

    @Test func theWallTimeOfAPayloadThatTakesNoNotice() throws {
        let (result, kind) = try run(["--wall", "1s"], "trap '' TERM; while :; do sleep 0.1; done")
        #expect(kind == "wall-time")
        #expect(result.status == 124)
    }

    @Test func theMachinesMemory() throws {
        let (result, kind) = try run(
            ["--memory", "256MiB"], "echo begun; perl -e 'my @a; while (1) { push @a, \"x\" x 1000000 }'")
        #expect(kind == "out-of-memory")
        #expect(result.status == 137)
        #expect(result.output == "begun\n")
        #expect(result.error.contains("--memory"))
    }

    @Test func theScratchDisk() throws {
        let (result, kind) = try run(
            ["--scratch", "64MiB"], "echo begun; dd if=/dev/zero of=/var/tmp/big bs=1M count=200")
        #expect(kind == "scratch-full")
        #expect(result.status == 1)
        #expect(result.output == "begun\n")
        #expect(result.error.contains("--scratch"))
    }

    @Test func qemuKilled() throws {
        let subject = try Subject(sojourn, in: directory.url, "sleep 1000")
        kill(try Processes.qemu(of: subject.id), SIGKILL)
        let result = try subject.running.finish()
        #expect(result.status == 125)
        #expect(result.error.contains("QEMU was killed"))
        try subject.expectEnd("qemu-killed")
        let phases = subject.record?["phases"]?.array?.compactMap { $0["name"]?.string }
        #expect(phases == ["image", "verify", "prepare", "boot", "start", "run"])
    }

    @Test func theSupervisorKilled() throws {
        let subject = try Subject(sojourn, in: directory.url, "echo produced; sleep 1000")
        try subject.running.wait(for: "produced\n")
        kill(try Processes.supervisor(of: subject.id), SIGKILL)
        let result = try subject.running.finish()
        #expect(result.status == 125)
        #expect(result.error.contains("supervisor was killed"))
        #expect(result.output.hasSuffix("produced\n"))
        try subject.expectEnd("supervisor-killed")
    }

    @Test func theCallerKilled() throws {
        let subject = try Subject(
            sojourn, in: directory.url, "trap 'echo asked > told; exit' TERM; while :; do sleep 0.1; done")
        kill(subject.running.pid, SIGKILL)
        try subject.expectEnd("client-killed")
        #expect(directory.text("told") == "asked\n")
    }

    /// Nobody is left to clean up: the next command does, and the record and the output stay.
    @Test func everythingKilledAtOnceIsSweptByTheNextCommand() throws {
        let subject = try Subject(sojourn, in: directory.url, "echo produced; sleep 1000")
        try subject.running.wait(for: "produced\n")
        let supervisor = try Processes.supervisor(of: subject.id)
        kill(subject.running.pid, SIGKILL)
        kill(supervisor, SIGKILL)
        try Processes.expectNone(of: subject.id, sharing: directory.url)
        #expect(subject.record == nil)
        _ = try sojourn(["machine", "list"])
        try subject.expectEnd("supervisor-killed")
        let output = try String(contentsOfFile: "\(subject.directory)/stdout", encoding: .utf8)
        #expect(output.hasSuffix("produced\n"))
    }

    @Test func anInterrupt() throws {
        let subject = try Subject(sojourn, in: directory.url, "sleep 1000")
        kill(subject.running.pid, SIGINT)
        #expect(try subject.running.finish().status == 130)
        try subject.expectEnd("interrupted")
    }

    @Test func aRequestToTerminate() throws {
        let subject = try Subject(
            sojourn, in: directory.url, "trap 'echo asked; exit 3' TERM; while :; do sleep 0.1; done")
        kill(subject.running.pid, SIGTERM)
        let result = try subject.running.finish()
        #expect(result.status == 143)
        #expect(result.output.hasSuffix("asked\n"))
        try subject.expectEnd("terminated")
    }

    @Test func anInterruptBeforeThePayloadRuns() throws {
        let running = try sojourn.start(
            ["run", "--json", "--os", "debian12", "--", "sleep", "1000"], in: directory.url)
        try eventually(.seconds(20), "a virtiofsd") { !Processes.mentioning("source=\(directory.url.path)").isEmpty }
        kill(running.pid, SIGINT)
        let result = try running.finish(within: .seconds(20))
        #expect(result.status == 130)
        #expect(try result.record()["outcome"]?["kind"]?.string == "interrupted")
    }

    /// A reader that goes away, as in `sojourn run … | head`, ends the payload as it would a local command.
    @Test func aClosedPipe() throws {
        let shell = try Running(
            program: "/bin/sh",
            arguments: [
                "-c", "{ '\(sojourn.program)' run --os debian12 -- yes; echo $? > status; } | head -n 2 > lines",
            ], directory: directory.url, input: "", environment: ["SOJOURN_HOME": sojourn.home.path])
        #expect(try shell.finish(within: .seconds(120)).status == 0)
        #expect(directory.text("lines") == "y\ny\n")
        #expect(directory.text("status") == "141\n")
    }

    /// A program that ignores SIGPIPE, as Python's do, sees its write fail and ends.
    @Test func aClosedPipeOfAProgramThatIgnoresTheSignal() throws {
        let shell = try Running(
            program: "/bin/sh",
            arguments: [
                "-c",
                "{ '\(sojourn.program)' run --os debian12 -- sh -c \"trap '' PIPE; while echo y; do :; done; exit 5\"; "
                    + "echo $? > status; } | head -n 2 > lines",
            ], directory: directory.url, input: "", environment: ["SOJOURN_HOME": sojourn.home.path])
        #expect(try shell.finish(within: .seconds(120)).status == 0)
        #expect(directory.text("status") == "5\n")
    }

    /// The guest's kernel panics for real: it is told to, when memory runs out.
    @Test func aGuestsPanic() throws {
        let machine = try Handmade(
            sojourn, in: directory.url, "perl -e 'my @a; while (1) { push @a, \"x\" x 1000000 }'"
        ) {
            $0["kernelArguments"] = .array(["sysctl.vm.panic_on_oom=2"])
            $0["memory"] = "256MiB"
            // As in specifications of version 1: the kernel alone, not the agent, keeps the payload within its memory.
            $0["hosting"] = nil
        }
        let record = try machine.supervise()
        #expect(record["outcome"]?["kind"]?.string == "guest-panic")
        #expect(try machine.text("console.log").contains("Kernel panic"))
    }

    /// A guest that says nothing any more: its QEMU is stopped under it.
    @Test func aGuestsHang() throws {
        let machine = try Handmade(sojourn, in: directory.url, "echo ready > ready; sleep 1000") {
            $0["timings"] = .object(
                ["bootSeconds": 120, "silenceSeconds": 5, "graceSeconds": 1, "heartbeatSeconds": 1])
        }
        let running = try machine.start()
        try eventually(.seconds(60), "the payload") { directory.text("ready") == "ready\n" }
        kill(try Processes.qemu(of: machine.id), SIGSTOP)
        _ = try running.finish(within: .seconds(60))
        let record = try machine.record()
        #expect(record["outcome"]?["kind"]?.string == "guest-hang")
        // The wait belongs to what was waited for, not to the machine's end.
        let phases = (record["phases"]?.array ?? []).suffix(2)
        #expect(phases.compactMap { $0["name"]?.string } == ["run", "close"])
        let times = phases.compactMap { $0["milliseconds"]?.int }
        #expect(times.count == 2 && times[0] > 4000 && times[1] < 3000, "\(times)")
        try Processes.expectNone(of: machine.id, sharing: directory.url)
    }

    /// The disk with the machines fills up while a payload writes: the record still finds room.
    @Test func aFullHostDisk() throws {
        let script = """
            mount -t tmpfs -o size=120m none '\(sojourn.home.path)/machines' || exit 99
            '\(sojourn.program)' run --json --os debian12 --scratch 16MiB -- sh -c 'echo begun; yes' > out 2> err
            echo $? > status
            cp -r '\(sojourn.home.path)/machines' kept
            """
        let shell = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-c", script], directory: directory.url,
            input: "",
            environment: ["SOJOURN_HOME": sojourn.home.path])
        let status = try shell.finish().status
        try #require(status == 0, "this test needs to mount: run it as root; \(shell.error)")
        #expect(directory.text("status") == "125\n")
        #expect(directory.text("err").contains("host-disk-full"))
        #expect(directory.text("out").hasPrefix("begun\ny\n"))
        let machine = try #require(
            try FileManager.default.contentsOfDirectory(atPath: directory.url.appendingPathComponent("kept").path).first
        )
        #expect(directory.text("kept/\(machine)/record.json").contains("host-disk-full"))
        #expect(directory.text("kept/\(machine)/stdout").hasPrefix("begun\ny\n"))
    }
}

/// A machine whose specification a test wrote, supervised directly by `sojourn machine run`.
struct Handmade {
    let id: String
    private let sojourn: Sojourn
    private let directory: String

    /// Takes the specification of a finished run and changes it.
    init(_ sojourn: Sojourn, in shared: URL, _ command: String, _ change: (inout [String: JSONValue]) -> Void) throws {
        let model = try sojourn.run(["--os", "debian12"], ["true"], in: shared).record()
        let modelID = try #require(model["id"]?.string)
        let machines = "\(sojourn.home.path)/machines"
        let data = try #require(FileManager.default.contents(atPath: "\(machines)/\(modelID)/spec.json"))
        var specification = try #require(
            try StrictJSON.decode(JSONValue.self, from: Array(data), source: "spec.json").object)
        id = "\(modelID.dropLast(6))\(String(UUID().uuidString.prefix(6)).lowercased())"
        self.sojourn = sojourn
        directory = "\(machines)/\(id)"
        specification["id"] = .string(id)
        var payload = try #require(specification["payload"]?.object)
        payload["command"] = .array(["sh", "-c", .string(command)])
        specification["payload"] = .object(payload)
        change(&specification)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(try StrictJSON.encode(JSONValue.object(specification))).write(
            to: URL(fileURLWithPath: "\(directory)/spec.json"))
    }

    func start() throws -> Running { try sojourn.start(["machine", "run", directory]) }

    func supervise() throws -> JSONValue {
        _ = try start().finish(within: .seconds(180))
        return try record()
    }

    func record() throws -> JSONValue {
        let data = try #require(FileManager.default.contents(atPath: "\(directory)/record.json"))
        return try StrictJSON.decode(JSONValue.self, from: Array(data), source: "record.json")
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8) }
}
