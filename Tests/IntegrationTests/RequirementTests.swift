import Foundation
import StrictJSON
import Testing

/// What a job asks for: refused before anything starts, or given, used, told, and run once more.
@Suite struct RequirementRunTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private static let system = ["--os", "debian12"]

    private func machines() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(sojourn.home.path)/machines").sorted()
    }

    /// Each field too large, too small, wrong, or against another one.
    @Test(arguments: [
        (["--cores", "999"], "cores 999: this host has"), (["--cores", "0"], "'0' is no number of cores"),
        (["--cores", "2-1"], "upside down"), (["--memory", "64TiB"], "memory 64TiB: this host has"),
        (["--memory", "1MiB"], "memory 1MiB: a machine needs 128MiB at least"),
        (["--memory", "some"], "'some' is no size"),
        (["--memory", "2GiB-1GiB"], "upside down"),
        (["--memory-per-core", "64TiB"], "memoryPerCore 64TiB: this host has"),
        (["--memory", "1GiB", "--memory-per-core", "1GiB"], "say the same thing"),
        (["--scratch", "900TiB"], "scratch 900TiB: the disk of machines has"),
        (["--scratch", "1MiB"], "scratch 1MiB: a machine needs 16MiB at least"), (["--scratch", "-1"], "--scratch"),
        (["--swap", "900TiB"], "swap 900TiB: the disk of machines has"), (["--swap", "1GiB-2GiB"], "is no size"),
        (["--wall", "0"], "'0' is no time"), (["--wall", "900d"], "at most 366d"),
        (["--cpu", "never"], "'never' is no time"),
        (["--wall", "1m", "--cpu", "1h"], "cpu 1h: 1 core cannot spend more than 1m within the wall time of 1m"),
        (["--network", "all"], "expected none or outgoing"),
        (["--gpus", "1"], "gpus 1: this host gives machines no GPUs"),
        (["--gpus", "-1"], "gpus"), (["--architecture", "v3"], "expected x86-64-v1"),
        (
            ["--architecture", "x86-64-v4", "--accel", "tcg"],
            "architecture x86-64-v4: the machines of this host have x86-64-v3"
        ),
        (["--env", "@debian12"], "say the same thing"), (["--out-limit", "x"], "'x' is no size"),
        (["--requirement", "nosuch.yaml"], "nosuch.yaml:1: there is no such file"),
    ])
    func whatCannotBeIsRefusedBeforeAnythingStarts(_ options: [String], _ words: String) throws {
        let before = try machines()
        let result = try sojourn(["run"] + Self.system + options + ["--", "true"], in: directory.url)
        #expect(result.status == 125, "\(result.error)")
        #expect(result.error.contains(words), "\(result.error)")
        #expect(result.output.isEmpty)
        #expect(try machines() == before)
    }

    @Test func scriptsFilesAndFlagsStandOverOneAnother() throws {
        try directory.write(
            "#!/bin/sh\n#SOJOURN os: debian12\n#SOJOURN memory: 300MiB\n#SOJOURN wall: 5m\n\nenv | grep ^SOJOURN_ | sort\n",
            to: "job.sh", executable: true)
        try directory.write("memory: 400MiB\ncores: 1-2\n", to: "job.yaml")
        let result = try sojourn(
            ["run", "--json", "--requirement", "job.yaml", "--wall", "4m", "./job.sh"], in: directory.url)
        #expect(result.status == 0, "\(result.error)")
        let record = try result.record()
        #expect(record["memory"]?.string == "400MiB" && record["wall"]?.string == "4m")
        #expect(record["requested"]?["os"]?.string == "debian12" && record["requested"]?["cores"]?.string == "1-2")
        #expect(result.output.contains("SOJOURN_MEMORY=\(400 << 20)\n") && result.output.contains("SOJOURN_WALL=240\n"))
        try directory.write(
            "#!/bin/sh\n#SOJOURN os: debian12\n#SOJOURN memroy: 1GiB\ntrue\n", to: "bad.sh", executable: true)
        let refused = try sojourn(["run", "./bad.sh"], in: directory.url)
        #expect(refused.status == 125 && refused.error.contains("bad.sh:3: unknown key 'memroy'; did you mean memory"))
    }

    @Test func matchTellsFieldByField() throws {
        _ = try sojourn(["image", "build", "os/debian12"])
        let options = ["--os", "debian12", "--cores", "1-999", "--accel", "tcg"]
        let found = try sojourn(["match", "--json"] + options)
        #expect(found.status == 0, "\(found.error)")
        let answer = try StrictJSON.decode(JSONValue.self, from: Array(found.output.utf8), source: "match")
        let images = answer["images"]?.array ?? []
        let system = try #require(images.first { $0["environment"]?.string == "os/debian12" })
        #expect(system["match"]?["grant"]?["cores"]?.int == answer["host"]?["freeCores"]?.int)
        #expect(system["match"]?["fields"]?.array?.count == 11)
        let other = try sojourn(["match", "--os", "debian12", "--memory", "64TiB", "--gpus", "2", "--accel", "tcg"])
        #expect(other.status == 1)
        #expect(other.output.contains("os/debian12") && other.output.contains("does not fit"))
        #expect(
            other.output.contains("no: this host gives machines no GPUs") && other.output.contains("; ask for less"))
    }

    /// By glibc's own judgement in the machine: which levels its processor has.
    private func levels(_ workshop: Workshop, _ options: [String] = []) throws -> Sojourn.Result {
        try workshop.sojourn(
            ["run", "--os", "debian13", "--accel", "tcg"] + options + [
                "--", "sh", "-c",
                "/lib64/ld-linux-x86-64.so.2 --help | sed -n 's/^  \\(x86-64-v.\\) (supported.*/\\1/p'",
            ], in: workshop.place.url)
    }

    @Test func machinesSeeTheSitesProcessor() throws {
        let workshop = try Workshop.apart()
        #expect(try levels(workshop).output == "x86-64-v3\nx86-64-v2\n")
        let settings = "\(workshop.home)/config.yaml"
        try "processor: x86-64-v2\n".write(toFile: settings, atomically: true, encoding: .utf8)
        #expect(try levels(workshop).output == "x86-64-v2\n")
        let refused = try levels(workshop, ["--architecture", "x86-64-v3"])
        #expect(
            refused.status == 125 && refused.error.contains("the machines of this host have x86-64-v2"),
            "\(refused.error)")
        try "processor: x86-64-v1\n".write(toFile: settings, atomically: true, encoding: .utf8)
        #expect(try levels(workshop).output == "")
        try "processor: fast\n".write(toFile: settings, atomically: true, encoding: .utf8)
        #expect(try levels(workshop).error.contains("config.yaml:1: 'processor': 'fast' is no architecture level"))
    }

    /// `/etc` of a mount namespace of its own: what the site says there stands over the home's file.
    @Test func usersDoNotRiseOverTheSitesFile() throws {
        let workshop = try Workshop.apart()
        try "processor: x86-64-v3\nbenchmark: 999\npinning: true\n".write(
            toFile: "\(workshop.home)/config.yaml", atomically: true, encoding: .utf8)
        let script = """
            mkdir -p etc/sojourn
            echo 'processor: x86-64-v2\npinning: false' > etc/sojourn/config.yaml
            mount -t overlay none -o lowerdir="$PWD/etc:/etc" /etc
            '\(workshop.sojourn.program)' match --json --accel tcg --os debian12 --architecture x86-64-v3 > match || echo refused
            '\(workshop.sojourn.program)' run --accel tcg --os debian12 --record record -- sh -c 'ls $MACHINEFEATURES'
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-euc", script], directory: workshop.place.url,
            input: "", environment: ["SOJOURN_HOME": workshop.home]
        ).finish()
        #expect(result.status == 0, "this test needs to mount: run it as root; \(result.error)")
        #expect(result.output.hasPrefix("refused\n") && workshop.place.text("match").contains("have x86-64-v2"))
        // The host accounts by its own file, which tells no benchmark.
        #expect(result.output.contains("total_cpu") && !result.output.contains("hs06"), "\(result.output)")
        let record = try StrictJSON.decode(
            JSONValue.self, from: Array(workshop.place.text("record").utf8), source: "record")
        #expect(record["hosting"]?["processor"]?.string == "Nehalem" && record["hosting"]?["processors"] == nil)
    }

    @Test func whatWasUsedIsToldAndAdvised() throws {
        let workshop = try Workshop.apart()
        let home = workshop.sojourn
        for size in [100, 200] {
            let result = try home(
                [
                    "run", "--os", "debian12", "--memory", "1GiB", "--wall", "1h", "--", "sh", "-c",
                    "head -c \(size)000000 /dev/zero | tail | wc -c",
                ],
                in: workshop.place.url)
            #expect(result.status == 0 && result.error.contains("asked / used: cores 1 / "), "\(result.error)")
            #expect(result.error.contains("memory 1GiB / ") && result.error.contains("wall 1h / "))
        }
        let jobs = try home(["jobs"]).output.split(separator: "\n")
        #expect(jobs.count == 3 && jobs[0].hasPrefix("JOB"))
        let advice = try StrictJSON.decode(
            JSONValue.self, from: Array(try home(["advise", "--last", "5", "--json"]).output.utf8), source: "advice")
        #expect(advice["jobs"]?.array?.count == 2)
        let memory = try #require(advice["advice"]?.array?.first { $0["field"]?.string == "memory" })
        // 200 MB, a fifth more, in steps of 64 MiB.
        #expect(memory["suggested"]?.string == "256MiB" && memory["asked"]?.string == "1GiB", "\(memory)")
        #expect(
            try home(["advise"]).output.contains("next time: sojourn run --env os/debian12 --cores 1 --memory 256MiB"))
        #expect(try home(["job", "show"]).output.contains("asked"))
        #expect(try home(["advise", "20260101-000000-abcdef"]).status == 3)
        // A job that ended for want of memory.
        let starved = try home(
            [
                "run", "--os", "debian12", "--memory", "256MiB", "--", "sh", "-c",
                "head -c 600000000 /dev/zero | tail | wc -c; exit 1",
            ],
            in: workshop.place.url)
        #expect(starved.error.contains("out-of-memory"), "\(starved.error)")
        #expect(try home(["advise"]).output.contains("256MiB was too little"))
    }

    @Test func aFailedJobIsRunOnceMore() throws {
        let workshop = try Workshop.apart()
        try workshop.place.write("first\n", to: "in.txt")
        let run = ["--isolated", "--in", "in.txt", "--out", "out.txt", "--memory", "300MiB", "--setenv", "COLOUR=red"]
        let first = try workshop.sojourn(
            ["run", "--os", "debian12", "--record", "record.json"] + run + [
                "--", "sh", "-c", "cat in.txt; echo $COLOUR; cp in.txt out.txt; exit 3",
            ], in: workshop.place.url)
        #expect(first.status == 3 && first.output == "first\nred\n", "\(first.error)")
        let record = try StrictJSON.decode(
            JSONValue.self, from: Array(workshop.place.text("record.json").utf8), source: "record")
        let job = try #require(record["id"]?.string)
        let again = try workshop.sojourn(["replay", "--json", job], in: workshop.place.url)
        #expect(again.status == 3 && again.output == "first\nred\n", "\(again.error)")
        #expect(again.error.contains("the same image, kernel and command, and 1 input"))
        let second = try again.record()
        for field in ["image", "kernel", "memory", "cores", "inputs", "command"] {
            #expect(second[field] == record[field], "\(field)")
        }
        // From the record alone, as elsewhere: without variables.
        let elsewhere = try workshop.sojourn(["replay", "record.json"], in: workshop.place.url)
        #expect(elsewhere.status == 3 && elsewhere.output == "first\n\n", "\(elsewhere.error)")
        #expect(elsewhere.error.contains("changed: a record tells no variables"))
        try workshop.place.write("second\n", to: "in.txt")
        let refused = try workshop.sojourn(["replay", job], in: workshop.place.url)
        #expect(
            refused.status == 125 && refused.error.contains("changed: input in.txt has another content"),
            "\(refused.error)")
        #expect(refused.output.isEmpty)
        let anyway = try workshop.sojourn(["replay", "--anyway", job], in: workshop.place.url)
        #expect(anyway.status == 3 && anyway.output == "second\nred\n", "\(anyway.error)")
        let wild = workshop.place.text("record.json").replacing("\"in.txt\"", with: "\"./in.txt\"")
        try workshop.place.write(wild, to: "wild.json")
        #expect(
            try workshop.sojourn(["replay", "wild.json"], in: workshop.place.url).error.contains(
                "no file in the current directory"))
        try workshop.place.write(wild.replacing("\"none\"", with: "\"outgoing\""), to: "wild.json")
        #expect(
            try workshop.sojourn(["replay", "wild.json"], in: workshop.place.url).error.contains(
                "allow it with --network outgoing"))
        try workshop.place.write(wild.replacing("\"version\" : 2", with: "\"version\" : 99"), to: "wild.json")
        #expect(
            try workshop.sojourn(["replay", "wild.json"], in: workshop.place.url).error.contains("is of version 99"))
        #expect(try workshop.sojourn(["replay", "nosuch"]).status == 125)
        try isReplayedInAnotherHome(record, workshop)
    }

    /// One that has not the image: brought and approved there, it runs there, with the input as it was.
    private func isReplayedInAnotherHome(_ record: JSONValue, _ workshop: Workshop) throws {
        let other = try Workshop.apart(with: [])
        try workshop.place.write("first\n", to: "in.txt")
        let absent = try other.sojourn(["replay", workshop.path("record.json")], in: workshop.place.url)
        #expect(absent.status == 125 && absent.error.contains("sojourn image export sha256:"), "\(absent.error)")
        let image = try #require(record["image"]?.string)
        _ = try workshop.sojourn(["image", "export", image, "--to", workshop.path("layout")])
        _ = try other.sojourn(["image", "import", workshop.path("layout")])
        let stranger = try other.sojourn(["replay", "record.json"], in: workshop.place.url)
        #expect(stranger.status == 125 && stranger.error.contains("nobody answers for it"), "\(stranger.error)")
        for digest in [image, try #require(record["kernel"]?.string)] {
            _ = try other.sojourn(["site", "approve", "image", digest])
        }
        let there = try other.sojourn(["replay", "--json", "record.json"], in: workshop.place.url)
        #expect(there.status == 3 && there.output == "first\n\n", "\(there.error)")
        #expect(try there.record()["image"]?.string == image)
    }

    /// Of runs that ended in different ways.
    @Test func recordsFitTheirSchema() throws {
        let runs: [([String], String)] = [
            ([], "true"), (["--isolated", "--out", "none", "--network", "none"], "exit 1"),
            (["--wall", "1s"], "sleep 100"),
            (
                ["--cores", "1-2", "--memory", "256MiB-512MiB", "--swap", "64MiB", "--cpu", "1m", "--wall", "1m"],
                "kill -9 $$"
            ),
        ]
        try directory.write("[]", to: "empty")
        for (index, (options, command)) in runs.enumerated() {
            _ = try sojourn(
                ["run", "--record", "record-\(index).json"] + Self.system + options + ["--", "sh", "-c", command],
                in: directory.url)
        }
        let files = runs.indices.map { "record-\($0).json" }
        #expect(try RecordSchema.faults(of: files, in: directory.url) == "")
    }
}
