import Foundation
import StrictJSON
import Testing

/// The habit of `apptainer exec`: what a command sees and leaves when it runs in a machine.
@Suite struct RunTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private func run(_ options: [String], _ command: String, input: String = "", environment: [String: String] = [:])
        throws
        -> Sojourn.Result
    {
        try sojourn.run(
            ["--os", "debian12"] + options, ["sh", "-c", command], in: directory.url, input: input,
            environment: environment)
    }

    @Test func streamsAndStatusAreTheCommandsOwn() throws {
        let result = try run([], "cat; echo bad >&2; exit 7", input: "one\ntwo\n")
        #expect(result.output == "one\ntwo\n")
        #expect(result.error.contains("bad\n"))
        #expect(result.status == 7)
        let record = try result.record()
        #expect(record["outcome"]?["kind"]?.string == "exited")
        #expect(record["outcome"]?["exitStatus"]?.int == 7)
    }

    @Test func theCurrentDirectoryIsSharedAtItsPathWithTheCallersNumbers() throws {
        try directory.write("from the host", to: "in.txt")
        let result = try run([], "pwd; cat in.txt; id -u; id -g; echo from the guest > out.txt")
        #expect(result.output == "\(directory.url.path)\nfrom the host\(getuid())\n\(getgid())\n")
        #expect(directory.text("out.txt") == "from the guest\n")
        let attributes = try FileManager.default.attributesOfItem(
            atPath: directory.url.appendingPathComponent("out.txt").path)
        #expect(attributes[.ownerAccountID] as? Int == Int(getuid()))
    }

    @Test func theCallersEnvironmentComesAlongButForPathAndLoader() throws {
        let result = try run(
            ["--setenv", "ASKED=a b"], "env",
            environment: ["COLOUR": "blue", "LD_LIBRARY_PATH": "/x", "LD_BIND_NOW": "1"])
        let lines = result.output.split(separator: "\n")
        #expect(lines.contains("COLOUR=blue"))
        #expect(lines.contains("ASKED=a b"))
        #expect(!lines.contains { $0.hasPrefix("LD_") })
        #expect(lines.contains { $0.hasPrefix("PATH=") && !$0.contains("swift") })
        #expect(lines.contains { $0.hasPrefix("SOJOURN_MACHINE=") })
    }

    @Test func aCleanEnvironmentHasNothingOfTheCallers() throws {
        let result = try run(["--cleanenv", "--setenv", "ASKED=yes"], "env", environment: ["COLOUR": "blue"])
        #expect(!result.output.contains("COLOUR"))
        #expect(result.output.contains("ASKED=yes"))
        #expect(result.output.contains("HOME="))
    }

    @Test func moreDirectoriesAndFilesCanBeBound() throws {
        let other = try Scratch()
        try other.write("data", to: "file")
        try other.write("never seen", to: "sibling")
        let result = try run(
            [
                "--bind", "\(other.url.path):/data:ro", "--bind", "\(other.url.path)/file:/etc/one:ro",
                "--bind", "\(other.url.path)/file:/opt/two",
            ],
            """
            cat /data/file /etc/one; echo x > /data/new || echo refused; echo x > /etc/one || echo refused
            printf changed > /opt/two; ls /etc/sibling /opt/sibling
            """)
        #expect(result.output == "datadatarefused\nrefused\n")
        #expect(other.text("file") == "changed")
        #expect(!FileManager.default.fileExists(atPath: other.url.appendingPathComponent("new").path))
    }

    @Test func whatTheCommandWritesIsVisibleWhileItRuns() throws {
        let running = try sojourn.start(
            ["run", "--os", "debian12", "--", "sh", "-c", "echo first; echo live > seen; read line; echo got $line"],
            in: directory.url, input: nil)
        try running.wait(for: "first\n")
        try eventually(.seconds(20), "the file of the guest") { directory.text("seen") == "live\n" }
        try running.send("hello\n")
        try running.wait(for: "got hello\n")
        #expect(try running.finish().status == 0)
    }

    /// Ten mebibytes each way: bounded windows, nothing lost, nothing reordered.
    @Test func muchInputAndOutputPassesUnchanged() throws {
        var generator = SystemRandomNumberGenerator()
        let data = Data((0..<(1 << 20)).map { _ in UInt8.random(in: 32...126, using: &generator) })
        try data.write(to: directory.url.appendingPathComponent("data"))
        let text = String(repeating: String(decoding: data, as: UTF8.self), count: 10)
        let result = try run([], "tee copy", input: text)
        #expect(result.output == text)
        #expect(directory.text("copy") == text)
    }

    @Test func manySmallWritesKeepTheirOrder() throws {
        let result = try run([], "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done")
        #expect(result.output == (0..<5000).map { "\($0)\n" }.joined())
    }

    @Test func anIsolatedMachineStagesFilesInAndOut() throws {
        try directory.write("input", to: "in.txt")
        try directory.write("not staged", to: "other.txt")
        let result = try sojourn.run(
            ["--os", "debian12", "--isolated", "--in", "in.txt", "--out", "*.out", "--out", "results"],
            ["sh", "-c", "ls; cat in.txt > a.out; mkdir results; echo deep > results/b; mount | grep -c virtiofs"],
            in: directory.url)
        #expect(result.output == "in.txt\n0\n")
        #expect(directory.text("a.out") == "input")
        #expect(directory.text("results/b") == "deep\n")
        #expect(try result.record()["outputs"]?.array?.compactMap(\.string) == ["a.out", "results/b"])
    }

    @Test func anUnmatchedOutputIsSaid() throws {
        let result = try sojourn.run(
            ["--os", "debian12", "--isolated", "--out", "*.root"], ["true"], in: directory.url)
        #expect(result.status == 125)
        #expect(try result.record()["outcome"]?["kind"]?.string == "outputs-missing")
        #expect(result.error.contains("nothing matches '*.root'"))
    }

    /// A guest is hostile: it may write any tar on its disk. Here the payload leaves what our own packer would take.
    @Test func returnedLinksOutOfTheDirectoryAreRefusedAndTheRestComes() throws {
        let result = try sojourn.run(
            ["--os", "debian12", "--isolated", "--out", "*"],
            [
                "sh", "-c",
                "ln -s /etc/passwd absolute; ln -s ../../x above; mkfifo pipe; ln -s good within; echo ok > good",
            ],
            in: directory.url)
        #expect(directory.text("good") == "ok\n")
        #expect(directory.text("within") == "ok\n")
        for name in ["absolute", "above"] {
            #expect(result.error.contains("output \(name) was refused"))
            #expect(
                (try? FileManager.default.destinationOfSymbolicLink(
                    atPath: directory.url.appendingPathComponent(name).path)) == nil)
        }
        #expect(result.error.contains("pipe was left out"))
        #expect(result.status == 125)
    }

    /// A name with a comma is no option of virtiofsd, and closed streams are no files of ours.
    @Test func oddDirectoriesAndClosedStreams() throws {
        let odd = directory.url.appendingPathComponent("a,source=b c")
        try FileManager.default.createDirectory(at: odd, withIntermediateDirectories: true)
        try Data("inside".utf8).write(to: odd.appendingPathComponent("file"))
        #expect(try sojourn.run(["--os", "debian12"], ["cat", "file"], in: odd).output == "inside")
        let closed = try Running(
            program: "/bin/sh",
            arguments: [
                "-c", "'\(sojourn.program)' run --os debian12 -- sh -c 'cat; echo x; exit 3' <&- >&- 2>&-; echo $?",
            ],
            directory: directory.url, input: "", environment: ["SOJOURN_HOME": sojourn.home.path])
        #expect(try closed.finish(within: .seconds(60)).output == "3\n")
    }

    /// A caller that ignores SIGCHLD, as some batch daemons do.
    @Test func aCallerThatIgnoresItsChildren() throws {
        let shell = try Running(
            program: "/usr/bin/env",
            arguments: [
                "--ignore-signal=CHLD", sojourn.program, "run", "--os", "debian12", "--", "sh", "-c", "exit 9",
            ],
            directory: directory.url, input: "", environment: ["SOJOURN_HOME": sojourn.home.path])
        #expect(try shell.finish(within: .seconds(60)).status == 9)
    }

    @Test func anOutputThatIsManyFilesAndManyRefusalsComes() throws {
        let result = try sojourn.run(
            ["--os", "debian12", "--isolated", "--out", "d"],
            ["sh", "-c", "mkdir d; cd d; i=0; while [ $i -lt 1200 ]; do echo > f$i; mkfifo p$i; i=$((i+1)); done"],
            in: directory.url)
        #expect(result.status == 125)
        #expect(result.error.contains("and 1180 more"))
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.appendingPathComponent("d").path)
        #expect(names.count == 1200)
        #expect(try result.record()["outputs"]?.array?.count == 1001)
    }

    @Test func thePayloadHasNoCapabilitiesAndItsGroupIsDelegated() throws {
        let result = try run(
            [], "grep -h Cap /proc/self/status; cat /proc/self/cgroup; mkdir /sys/fs/cgroup/payload/mine && echo made")
        #expect(result.output.split(separator: "\n").filter { $0.hasSuffix(":\t0000000000000000") }.count == 5)
        #expect(result.output.contains("0::/payload\nmade\n"))
    }

    @Test func devicesThatNestedContainersNeedAreThereAndTheDisksAreNot() throws {
        let result = try run(
            [],
            "for d in null zero full random urandom tty fuse ptmx pts shm; do ls -d /dev/$d; done; ls /dev | grep -E 'vd|vport|mem'; "
                + "echo x > /dev/shm/x && echo shared; echo via > /dev/stdout")
        #expect(result.output.split(separator: "\n").count == 12)
        #expect(result.output.hasSuffix("shared\nvia\n"))
    }

    @Test func aScriptWithoutInterpreterLineRuns() throws {
        try directory.write("echo ran by sh $1\n", to: "script", executable: true)
        let result = try sojourn.run(["--os", "debian12"], ["./script", "well"], in: directory.url)
        #expect(result.output == "ran by sh well\n")
    }

    @Test func theRecordSaysWhatWasAskedAndGiven() throws {
        let result = try run(
            ["--cores", "1-64", "--memory", "300MiB", "--wall", "5m"], "nproc; grep MemTotal /proc/meminfo")
        let record = try result.record()
        #expect(record["version"]?.int == 2)
        #expect(record["requested"]?["cores"]?.string == "1-64")
        #expect(record["wall"]?.string == "5m")
        #expect(record["cores"]?.int == Int64(ProcessInfo.processInfo.activeProcessorCount))
        #expect(result.output.hasPrefix("\(ProcessInfo.processInfo.activeProcessorCount)\n"))
        #expect(record["image"]?.string?.hasPrefix("sha256:") == true)
        let phases = record["phases"]?.array?.compactMap { $0["name"]?.string }
        #expect(phases == ["image", "verify", "prepare", "boot", "start", "run", "close"])
        // The machine has more than its job may have.
        let kibibytes = Int(result.output.filter { $0.isNumber }.dropFirst()) ?? 0
        #expect((300 << 10...450 << 10).contains(kibibytes))
    }

    /// The three systems of today's grid; each is built from its installed recipe on first use.
    @Test(arguments: [("debian11", "11"), ("debian12", "12"), ("debian13", "13")])
    func aJobRunsUnderTheSystemItAskedFor(_ os: String, _ version: String) throws {
        let result = try sojourn.run(["--os", os], ["cat", "/etc/os-release"], in: directory.url)
        #expect(result.output.contains("VERSION_ID=\"\(version)\""))
        #expect(result.status == 0)
    }
}
