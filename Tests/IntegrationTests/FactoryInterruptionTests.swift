import Foundation
import StrictJSON
import Testing

/// Builds that are killed, that meet, that run out of disk.
@Suite struct FactoryInterruptionTests {
    private static let name = "test/interrupted:1@debian12"
    private static let text = """
        files: [{path: /opt/a, content: a}]
        build: ['i=0; while [ $i -lt 300 ]; do i=$((i+1)); head -c 100000 /dev/zero | tr "\\\\0" $((i % 10)) > /opt/f$i; done']
        """

    @Test(arguments: ["running build script", "looking through the files", "writing the filesystem", "hashing"])
    func aBuildThatWasKilledStartsCleanAndMakesTheSameBits(_ moment: String) throws {
        let whole = try Workshop()
        let digest = try whole.built(try whole.recipe(Self.name, Self.text))
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, Self.text)
        let start = ["image", "build", recipe, "--fresh", "--no-check"]
        let running = try workshop.sojourn.start(start, in: workshop.place.url)
        try eventually(.seconds(120), "'\(moment)' in: \(running.error)") {
            running.error.contains(moment) || !running.isRunning
        }
        kill(running.pid, SIGKILL)
        #expect(try running.finish().status == -SIGKILL)
        try Self.expectEnd(in: workshop)
        #expect(try workshop.built(recipe) == digest)
        try workshop.expectNothingHalfDone()
        let verified = try workshop.sojourn(["image", "verify"])
        #expect(verified.status == 0, "\(verified.error)")
    }

    /// Nothing of a killed build may run on, or stay mounted.
    static func expectEnd(in workshop: Workshop) throws {
        try eventually(.seconds(30), "the end of the build's processes") {
            Processes.mentioning(workshop.home).isEmpty
        }
        #expect(!(try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)).contains(workshop.home))
    }

    @Test func twoBuildsOfOneRecipeAtOnceMakeOneImage() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe("test/twice:1@debian12", Self.text)
        let both = try (0..<2).map { _ in
            try workshop.sojourn.start(["image", "build", recipe, "--no-check"], in: workshop.place.url)
        }
        let results = try both.map { try $0.finish() }
        #expect(try Set(results.map(Workshop.digest)).count == 1)
        #expect(results.filter { $0.error.contains("hashing") }.count == 1)
        try workshop.expectNothingHalfDone()
    }

    @Test func buildsOfDifferentRecipesAtOnceDoNotHarmEachOther() throws {
        let workshop = try Workshop.apart()
        let running = try (0..<3).map { index in
            let recipe = try workshop.recipe("test/beside\(index):1@debian12", file: "\(index).yaml", Self.text)
            return try workshop.sojourn.start(["image", "build", recipe, "--no-check"], in: workshop.place.url)
        }
        let digests = try running.map { try Workshop.digest($0.finish()) }
        #expect(Set(digests).count == 3)
        for index in 0..<3 {
            #expect(try workshop.show("test/beside\(index):1@debian12")["digest"]?.string == digests[index])
        }
        try workshop.expectNothingHalfDone()
        #expect(try workshop.sojourn(["image", "verify"]).status == 0)
    }

    /// Homes on filesystems so small that a build does not fit: mounted for one shell alone.
    @Test func aFullDiskLeavesNothingHalfWritten() throws {
        let workshop = try Workshop()
        let exported = try workshop.sojourn(["image", "export", "os/debian12", "--to", workshop.path("layout")])
        try #require(exported.status == 0, "\(exported.error)")
        let recipes = [
            "fills": "build: ['head -c 2G /dev/urandom > /opt/large']",
            "nearly": "build: ['head -c 900M /dev/urandom > /opt/large']",
            "snapshot": "snapshot: [{from: snap, to: /opt/s}]",
            "small": "files: [{path: /opt/a, content: a}]",
        ]
        for (name, text) in recipes { try workshop.recipe("test/\(name):1@debian12", file: "\(name).yaml", text) }
        let script = """
            mkdir home snap; fallocate -l 700M snap/large
            mount -t tmpfs -o mode=700,size=1300m tmpfs home
            sojourn() { '\(workshop.sojourn.program)' "$@"; }
            sojourn image import layout >&2
            cp -a '\(workshop.home)/locks' home/
            for name in fills nearly snapshot small; do
                echo "== $name" >&2
                status=0; sojourn image build $name.yaml --no-check > out || status=$?
                echo $name $status $(find home/cache -name 'build-*' | wc -l) $(find home -name '*.tmp' | wc -l) \
                    $(grep -c . out || :)
            done
            sojourn image list; sojourn image verify
            echo left $(df --output=used -BM home | tail -n 1)
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-euc", script], directory: workshop.place.url,
            input: "", environment: ["SOJOURN_HOME": workshop.path("home")]
        ).finish()
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(4) == ["fills 1 0 0 0", "nearly 1 0 0 0", "snapshot 1 0 0 0", "small 0 0 0 1"],
            "\(result.output)\(result.error)")
        #expect(result.status == 0, "\(result.error)")
        let said = result.error.components(separatedBy: "== ")
        #expect(said.first { $0.hasPrefix("fills") }?.contains("is full") == true, "\(result.error)")
        #expect(said.first { $0.hasPrefix("nearly") }?.contains("is full") == true, "\(result.error)")
        #expect(said.first { $0.hasPrefix("snapshot") }?.contains("three times") == true, "\(result.error)")
        #expect(result.output.contains("test/small"))
        #expect(!result.output.contains("test/fills"))
        let left = lines.last.flatMap { Int($0.filter(\.isNumber)) }
        #expect(left.map { $0 < 200 } == true, "\(lines)")
    }
}
