import Foundation
import StrictJSON
import Testing

/// Our formats before their reference tools, and images built for real.
@Suite struct ImageTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private func tool(_ program: String, _ arguments: [String]) throws -> Sojourn.Result {
        try Running(program: program, arguments: arguments, directory: directory.url, input: "", environment: [:])
            .finish()
    }

    /// Built on first use if no test before did it.
    private func built(_ environment: String) throws -> JSONValue {
        let run = try sojourn(["run", "--quiet", "--env", environment, "--", "true"], in: directory.url)
        try #require(run.status == 0, "\(run.error)")
        let shown = try sojourn(["image", "show", environment, "--json"])
        return try StrictJSON.decode(JSONValue.self, from: Array(shown.output.utf8), source: "image show")
    }

    private func blob(_ digest: String) -> String { "\(sojourn.home.path)/images/blobs/sha256/\(digest.dropFirst(7))" }

    @Test func referenceToolsAgreeWithOurFormats() throws {
        let image = try built("@debian12")
        let digest = try #require(image["digest"]?.string)
        let layers = try #require(image["layers"]?.array)
        #expect(!layers.isEmpty)
        for layer in layers {
            let data = blob(try #require(layer["digest"]?.string))
            let tree = blob(try #require(layer["verityTree"]?.string))
            let root = try #require(layer["verityRoot"]?.string)
            let verified = try tool("/usr/sbin/veritysetup", ["verify", data, tree, root])
            #expect(verified.status == 0, "\(verified.error)")
            let broken = String(root.dropLast()) + (root.hasSuffix("0") ? "1" : "0")
            #expect(try tool("/usr/sbin/veritysetup", ["verify", data, tree, broken]).status != 0)
            let checked = try tool("/usr/bin/fsck.erofs", [data])
            #expect(checked.status == 0, "\(checked.error)")
        }
        let tag = try #require(try self.tag(of: digest))
        let raw = try tool("/usr/bin/skopeo", ["inspect", "--raw", "oci:\(sojourn.home.path)/images:\(tag)"])
        #expect(raw.status == 0, "\(raw.error)")
        #expect(Data(raw.output.utf8) == FileManager.default.contents(atPath: blob(digest)))
        let inspected = try tool("/usr/bin/skopeo", ["inspect", "oci:\(sojourn.home.path)/images:\(tag)"])
        #expect(inspected.status == 0, "\(inspected.error)")
    }

    /// Under which name the OCI layout knows a manifest.
    private func tag(of digest: String) throws -> String? {
        let data = try #require(FileManager.default.contents(atPath: "\(sojourn.home.path)/images/index.json"))
        let index = try StrictJSON.decode(JSONValue.self, from: Array(data), source: "index.json")
        let entry = index["manifests"]?.array?.first { $0["digest"]?.string == digest }
        return entry?["annotations"]?["org.opencontainers.image.ref.name"]?.string
    }

    @Test func anImageIsFoundByDigestAndByPrefix() throws {
        let digest = try #require(try built("@debian12")["digest"]?.string)
        for reference in [digest, String(digest.dropFirst(7).prefix(8)), "@debian12", "os/debian12"] {
            let shown = try sojourn(["image", "show", reference])
            #expect(shown.status == 0, "\(reference): \(shown.error)")
            #expect(shown.output.contains(digest))
        }
        #expect(try sojourn(["image", "show", "0000000"]).status != 0)
    }

    @Test func aPhysicsJobFillsItsHistogram() throws {
        let jobs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../Examples/jobs")
        for name in ["zmumu.py", "cards.cmnd"] {
            try FileManager.default.copyItem(
                at: jobs.appendingPathComponent(name), to: directory.url.appendingPathComponent(name))
        }
        let result = try sojourn.run(
            ["--env", "lhc/pythia8:8.317.2@debian12", "--cores", "1-2", "--memory", "1GiB", "--wall", "30m"],
            ["./zmumu.py", "cards.cmnd", "--events", "500"], in: directory.url)
        #expect(result.status == 0, "\(result.error)")
        let data = try #require(
            FileManager.default.contents(atPath: directory.url.appendingPathComponent("zmumu.json").path))
        let histogram = try StrictJSON.decode(JSONValue.self, from: Array(data), source: "zmumu.json")
        #expect(try peak(of: histogram) > 89)
        #expect(try peak(of: histogram) < 93)
        #expect(directory.text("zmumu.svg").hasPrefix("<"))
    }

    /// The middle of the fullest bin, in GeV.
    private func peak(of histogram: JSONValue) throws -> Double {
        let found = try #require(histogram["histogram"])
        let counts = try #require(found["counts"]?.array).map { $0.double ?? 0 }
        let low = try #require(found["low"]?.double)
        let high = try #require(found["high"]?.double)
        let fullest = try #require(counts.indices.max { counts[$0] < counts[$1] })
        return low + (Double(fullest) + 0.5) * (high - low) / Double(counts.count)
    }

    /// A build that dies leaves nothing that stands in the way, and two first uses at once make one build.
    @Test func anInterruptedBuildAndTwoFirstUsesAtOnce() throws {
        let home = try Scratch()
        let arguments = ["run", "--home", home.url.path, "--os", "debian12", "--", "echo", "ran"]
        let interrupted = try sojourn.start(arguments, in: directory.url)
        try eventually(.seconds(120), "the installation of packages: \(interrupted.error)") {
            interrupted.error.contains(" packages of bookworm (log")
        }
        kill(interrupted.pid, SIGKILL)
        try eventually(.seconds(20), "the end of the build's processes") { Processes.mentioning(home.url.path).isEmpty }
        #expect(!(try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)).contains(home.url.path))

        let both = try (0..<2).map { _ in try sojourn.start(arguments, in: directory.url) }
        let results = try both.map { try $0.finish() }
        for result in results {
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output == "ran\n")
        }
        let builds = results.filter { $0.error.contains(" packages of bookworm (log") }.count
        #expect(builds == 1)
        let left = try FileManager.default.contentsOfDirectory(atPath: home.url.appendingPathComponent("cache").path)
        #expect(left.filter { $0.hasPrefix("build-") } == [])
    }
}
