import Foundation
import StrictJSON
import Testing

/// What a machine gives its payload of what was asked for, told from inside: memory, swap, network, features.
@Suite struct RequirementGuestTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private func run(_ options: [String], _ command: String) throws -> (Sojourn.Result, record: JSONValue) {
        let result = try sojourn.run(["--os", "debian12"] + options, ["bash", "-c", command], in: directory.url)
        return (result, try result.record())
    }

    /// Holds so many mebibytes, all of them touched, for a second.
    private static func hold(_ mebibytes: Int) -> String {
        "perl -e 'my @held; vec($held[$_], (1 << 20) - 1, 8) = 1 for 1..\(mebibytes); print \"held\\n\"; sleep 1'"
    }

    private static func kind(_ record: JSONValue) -> String? { record["outcome"]?["kind"]?.string }

    /// Of a quantity that a record holds as `512MiB` or `297420KiB` or in bytes.
    private static func bytes(_ value: JSONValue?) throws -> Double {
        let text = try #require(value?.string)
        let units: [(String, Double)] = [("KiB", 0x1p10), ("MiB", 0x1p20), ("GiB", 0x1p30)]
        let unit = units.first { text.hasSuffix($0.0) }
        return try #require(Double(text.dropLast(unit?.0.count ?? 0))) * (unit?.1 ?? 1)
    }

    private static func isWithin5Percent(_ value: Double, of expected: Double) -> Bool {
        abs(value - expected) <= expected / 20
    }

    // MARK: Memory

    static let sizes = [256, 512, 1024] + (Sojourn.isLong ? [4096] : [])

    /// All but what perl itself needs, and the record says it.
    @Test(arguments: sizes) func aPayloadCanHoldAllThatItAskedFor(_ mebibytes: Int) throws {
        let held = mebibytes - 4
        let (result, record) = try run(["--memory", "\(mebibytes)MiB"], Self.hold(held))
        #expect(result.output == "held\n")
        #expect(result.status == 0)
        #expect(Self.isWithin5Percent(try Self.bytes(record["usage"]?["peakMemory"]), of: Double(held) * 0x1p20))
        let id = try #require(record["id"]?.string)
        let log = try String(contentsOfFile: "\(sojourn.home.path)/machines/\(id)/console.log", encoding: .utf8)
        #expect(!log.contains("short of"))
    }

    @Test(arguments: sizes) func aPayloadThatHoldsATwentiethMoreThanItAskedForEnds(_ mebibytes: Int) throws {
        let (result, record) = try run(["--memory", "\(mebibytes)MiB"], Self.hold(mebibytes * 105 / 100))
        #expect(Self.kind(record) == "out-of-memory")
        #expect(result.status == 137)
        #expect(result.error.contains("--memory"))
    }

    @Test func sharedMemoryCountsAsWell() throws {
        let (_, record) = try run(["--memory", "256MiB"], "head -c 150M /dev/zero > /dev/shm/held; sleep 1")
        #expect(Self.isWithin5Percent(try Self.bytes(record["usage"]?["peakMemory"]), of: 150 * 0x1p20))
        #expect(try run(["--memory", "256MiB"], "head -c 290M /dev/zero > /dev/shm/held").0.status == 137)
    }

    /// Twice the memory goes through the page cache, which is not the payload's.
    @Test func filesThatAreWrittenAndReadTakeNoMemoryButScratch() throws {
        let (result, record) = try run(
            ["--memory", "256MiB"], "head -c 500M /dev/zero > /var/tmp/big; cat /var/tmp/big | wc -c")
        #expect(result.output == "\(500 << 20)\n")
        #expect(try Self.bytes(record["usage"]?["peakMemory"]) < 30 * 0x1p20)
        #expect(Self.isWithin5Percent(try Self.bytes(record["usage"]?["peakScratch"]), of: 500 * 0x1p20))
        // What was in memory only when the payload ended has not gone to a disk.
        #expect(try #require(record["usage"]?["writtenBytes"]?.int) > 200 << 20)
        #expect(try #require(record["usage"]?["writtenBytes"]?.int) < 550 << 20)
        #expect(try #require(record["usage"]?["readBytes"]?.int) > 200 << 20)
    }

    @Test func whatAPayloadHeldIsToldWithin5Percent() throws {
        let (result, record) = try run(["--memory", "512MiB"], "head -c 300000000 /dev/zero | tail | wc -c")
        #expect(result.output == "300000000\n")
        #expect(Self.isWithin5Percent(try Self.bytes(record["usage"]?["peakMemory"]), of: 300e6))
        #expect(try Self.bytes(record["usage"]?["peakSwap"]) == 0)
    }

    // MARK: Swap

    @Test func swapHoldsWhatTheMemoryDoesNot() throws {
        let command = "grep -c partition /proc/swaps; echo $SOJOURN_SWAP; \(Self.hold(400))"
        let (result, record) = try run(["--memory", "256MiB", "--swap", "256MiB"], command)
        #expect(result.output == "1\n\(256 << 20)\nheld\n")
        #expect(result.status == 0)
        let swapped = try Self.bytes(record["usage"]?["peakSwap"])
        #expect(swapped > 110 * 0x1p20 && swapped < 200 * 0x1p20)
        let id = try #require(record["id"]?.string)
        #expect(!FileManager.default.fileExists(atPath: "\(sojourn.home.path)/machines/\(id)/swap.img"))
        let (tooMuch, _) = try run(["--memory", "256MiB", "--swap", "64MiB"], Self.hold(400))
        #expect(tooMuch.status == 137)
    }

    // MARK: Network

    @Test func aMachineWithoutNetworkHasNoCard() throws {
        let (result, record) = try run([], "ls /sys/class/net; echo $SOJOURN_NETWORK")
        #expect(result.output == "lo\nnone\n")
        #expect(record["notes"]?.array?.isEmpty == true)
    }

    /// QEMU's user network shows the host's own loopback as 10.0.2.2: nothing leaves this host.
    @Test(arguments: ["debian11", "debian12", "debian13"]) func aMachineWithOutgoingNetworkReachesTheHost(
        _ os: String
    ) throws {
        try directory.write("from the host", to: "page")
        let server = try Running(
            program: "/usr/bin/env",
            arguments: [
                "python3", "-uc",
                """
                import http.server
                server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
                print('port', server.server_port, 'open')
                server.serve_forever()
                """,
            ], directory: directory.url, input: "", environment: [:])
        try server.wait(for: "open\n")
        let port = try #require(server.output.split(separator: " ").compactMap { Int($0) }.first)
        let result = try sojourn.run(
            ["--os", os, "--network", "outgoing"],
            [
                "bash", "-c",
                """
                exec 3<>/dev/tcp/10.0.2.2/\(port); printf 'GET /page HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3; echo
                cat /etc/resolv.conf; echo $SOJOURN_NETWORK; ls /sys/class/net
                """,
            ], in: directory.url)
        #expect(result.output == "from the host\nnameserver 10.0.2.3\noutgoing\neth0\nlo\n")
        let notes = try result.record()["notes"]?.array?.compactMap(\.string) ?? []
        #expect(notes.contains { $0.contains("from this host's address, neither restricted nor traced") })
    }

    @Test func aKernelWithoutTheCardsDriverIsRefusedWithTheRemedy() throws {
        let outgoing = try run(["--network", "outgoing"], "true").record["network"]
        let machine = try Handmade(sojourn, in: directory.url, "echo started > started") {
            $0["network"] = outgoing
            $0["kernelArguments"] = .array(["module_blacklist=virtio_net"])
        }
        let outcome = try machine.supervise()["outcome"]
        #expect(outcome?["kind"]?.string == "guest-failed")
        #expect(outcome?["message"]?.string?.contains("rebuild the kernel") == true)
        #expect(directory.text("started").isEmpty)
    }

    // MARK: Features

    /// What PanDA's pilot does (pilot3, 2026), and the same over HTTP.
    private static let reader = """
        import json, os, urllib.request
        keys = {
            'MACHINEFEATURES': ['total_cpu', 'hs06', 'shutdowntime', 'grace_secs'],
            'JOBFEATURES': ['allocated_cpu', 'hs06_job', 'shutdowntime_job', 'grace_secs_job', 'jobstart_secs',
                'wall_limit_secs', 'cpu_limit_secs', 'max_rss_bytes', 'max_swap_bytes', 'scratch_limit_bytes'],
        }
        local, remote = {}, {}
        for variable, names in keys.items():
            path = os.environ[variable]
            assert os.path.isdir(path), path
            for name in names:
                if os.path.exists(os.path.join(path, name)):
                    local[name] = int(open(os.path.join(path, name)).read())
            base = os.environ['SOJOURN_FEATURES_URL'] + '/' + variable.lower()
            listed = urllib.request.urlopen(base + '/').read().decode().split()
            assert sorted(listed) == sorted(os.listdir(path)), listed
            for name in listed:
                if name in names:
                    remote[name] = int(urllib.request.urlopen(base + '/' + name).read())
        assert local == remote, (local, remote)
        print(json.dumps(local))
        """

    @Test func aPilotReadsTheFeaturesInBothWays() throws {
        try directory.write(Self.reader, to: "reader.py")
        let before = Int64(Date().timeIntervalSince1970)
        let result = try sojourn.run(
            ["--env", "lhc/pythia8:8.317.2@debian12", "--cores", "2", "--wall", "10m", "--memory", "512MiB"],
            ["python3", "reader.py"], in: directory.url)
        #expect(result.status == 0, "\(result.error)")
        let found = try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "reader")
        let expected: [String: Int64] = [
            "allocated_cpu": 2, "total_cpu": Int64(ProcessInfo.processInfo.activeProcessorCount), "grace_secs": 10,
            "grace_secs_job": 10, "wall_limit_secs": 600, "cpu_limit_secs": 1200, "max_rss_bytes": 512 << 20,
            "max_swap_bytes": 0,
        ]
        for (key, value) in expected { #expect(found[key]?.int == value, "\(key)") }
        let start = try #require(found["jobstart_secs"]?.int)
        #expect(start >= before && start <= Int64(Date().timeIntervalSince1970))
        #expect(found["shutdowntime_job"]?.int == start + 600)
        #expect(found["shutdowntime"] == nil)
    }

    /// A plain curl, in an image that has it: each key the same in the file and over HTTP.
    @Test func curlGetsWhatTheFilesSay() throws {
        let workshop = try Workshop()
        let recipe = try workshop.recipe("test/curl:1@debian12", "packages: [curl]")
        try workshop.built(recipe)
        let result = try sojourn.run(
            ["--env", "test/curl:1@debian12", "--wall", "10m"],
            [
                "sh", "-c",
                """
                for file in $MACHINEFEATURES/* $JOBFEATURES/*; do
                    key=${file#/run/sojourn/}
                    [ "$(curl -fsS $SOJOURN_FEATURES_URL/$key)" = "$(cat $file)" ] && echo same || echo "$key differs"
                done | sort | uniq -c
                curl -s -o /dev/null -w '%{http_code}' $SOJOURN_FEATURES_URL/jobfeatures/nosuch
                """,
            ], in: directory.url)
        let words = result.output.split(whereSeparator: \.isWhitespace)
        #expect(result.status == 0 && words.count == 3 && words[1] == "same" && words[2] == "404", "\(result.output)")
        #expect(Int(words[0]).map { $0 >= 11 } == true, "\(result.output)")
    }

    private static let get = """
        get() { exec 3<>/dev/tcp/127.0.0.1/1009; printf "GET /$1 HTTP/1.0\\r\\n\\r\\n" >&3; tail -n 1 <&3; echo; }
        """

    @Test func anAnnouncedEndIsInTheFeatures() throws {
        let (result, record) = try run(
            ["--wall", "3s"],
            """
            \(Self.get)
            trap 'date +%s; cat $JOBFEATURES/shutdowntime_job; echo; get jobfeatures/shutdowntime_job; exit 0' TERM
            cat $JOBFEATURES/jobstart_secs $JOBFEATURES/grace_secs_job; echo
            while :; do sleep 0.1; done
            """)
        #expect(Self.kind(record) == "wall-time")
        let lines = result.output.split(separator: "\n").compactMap { Int64($0) }
        try #require(lines.count == 4)
        // Told at 3 s: ten seconds of grace from then on. The clocks of host and guest may differ by a second.
        #expect(abs(lines[2] - (lines[1] + 10)) <= 2)
        #expect(lines[2] == lines[3])
    }

    /// The payload here is number 0 where the tests run as root: without capabilities it is nobody's master.
    @Test func featuresAreNotThePayloadsToChangeNorTheirServerToKill() throws {
        let (result, _) = try run(
            [],
            """
            \(Self.get)
            server=$(grep -lz '^features' /proc/[0-9]*/cmdline | head -n 1 | cut -d / -f 3)
            kill -9 $server 2> /dev/null || echo unkilled
            echo 1 2> /dev/null > $JOBFEATURES/allocated_cpu || echo unwritten
            rm -f $JOBFEATURES/allocated_cpu 2> /dev/null || echo unremoved
            touch $JOBFEATURES/x 2> /dev/null || echo unmade
            mv /run/sojourn /run/elsewhere 2> /dev/null || echo unmoved
            grep -c 'CapEff:.*0000000000000000' /proc/$server/status
            get jobfeatures/allocated_cpu
            # Many who say nothing: the machine ends all the same, and at once.
            for number in {10..60}; do eval "exec $number<>/dev/tcp/127.0.0.1/1009"; done
            """)
        #expect(result.output == "unkilled\nunwritten\nunremoved\nunmade\nunmoved\n1\n1\n")
        #expect(result.status == 0)
    }

    @Test func whatWasGrantedIsInTheEnvironment() throws {
        let (result, _) = try run(
            ["--memory", "512MiB", "--scratch", "2GiB", "--wall", "5m", "--cpu", "4m"],
            "for name in CORES MEMORY SCRATCH SWAP WALL CPU NETWORK; do name=SOJOURN_$name; echo ${!name}; done; echo ${SOJOURN_ARCHITECTURE%[1-4]}"
        )
        #expect(
            result.output == "1\n\(512 << 20)\n\(2 << 30)\n0\n300\n240\nnone\nx86-64-v\n")
    }
}
