import Foundation
import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON
import Testing

/// The full copy of catalogues: what it holds, who can serve it, and what faults leave of it.
@Suite struct MirrorTests {
    private let place: MirrorPlace
    private var work: CataloguePlace { place.work }

    init() throws { place = try MirrorPlace() }

    private func copied(_ options: String...) throws -> JSONValue {
        let result = try work.result("mirror", ["site", "mirror", place.directory, "--json"] + options)
        try #require(result.status == 0, "\(result.output)\(result.error)")
        return try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "mirror")
    }

    /// What both have is the same, and nothing that a client asks for is missing.
    @Test func aCopyIsWhatTheCatalogueServes() throws {
        let first = try copied()["catalogues"]?[0]
        #expect(first?["artifacts"]?.int == 2 && first?["error"] == nil, "\(String(describing: first))")
        let again = try copied()["catalogues"]?[0]
        #expect(again?["blobs"]?.int == 0 && again?["bytes"]?.int == 0)
        let original = Set(try place.contents(of: work.catalogue).split(separator: "\n"))
        let copy = try place.contents(of: "\(place.directory)/lhc").split(separator: "\n")
        #expect(copy.count > 10 && copy.allSatisfy(original.contains))
        // The copy lies in nobody's way: it may be moved, and be named by a path that is no absolute one.
        let result = try work.result("mirror", ["site", "mirror", "./mirror/"])
        #expect(result.status == 0, "\(result.error)")
    }

    /// Hints are not signed: whoever writes them fills no disk.
    @Test func hintsOfDeltasThatAreNoneAreNotCopied() throws {
        let manifests = try Workshop.run(
            "/bin/sh", ["-c", "grep -l vnd.sojourn.layer.v1.erofs '\(work.catalogue)'/targets/lhc/*/*"])
        let path = try #require(manifests.split(separator: "\n").first.map(String.init))
        let manifest = try OCIManifest(decoding: Files.read(path, limit: 1 << 20), source: path)
        let layer = try #require(manifest.layers.first { $0.mediaType == MediaType.layer })
        func served(_ size: Int64, _ byte: UInt8) throws -> String {
            let bytes = [UInt8](repeating: byte, count: Int(size))
            let digest = BlobHash.digest(of: bytes)
            try Files.write(bytes, to: "\(work.catalogue)/blobs/sha256/\(digest.hex)")
            return #"{"from":"\#(layer.digest)","digest":"\#(digest)","size":\#(size)}"#
        }
        let large = try served(layer.size, 99)
        let small = try (0..<UInt8(10)).map { try served(100, $0) }
        try Files.makeDirectories("\(work.catalogue)/deltas/sha256")
        let name = "deltas/sha256/\(layer.digest.hex).json"
        let text = #"{"version":1,"deltas":[\#(([large] + small).joined(separator: ","))]}"#
        try Files.write(Array(text.utf8), to: "\(work.catalogue)/\(name)")
        #expect(try place.mirror().status == 0)
        let bytes = try Files.read("\(place.directory)/lhc/\(name)", limit: 1 << 16)
        let copied = try StrictJSON.decode(JSONValue.self, from: bytes, source: name)["deltas"]?.array ?? []
        #expect(copied.count == 8 && copied.allSatisfy { $0["size"]?.int == 100 })
    }

    @Test func nginxServesItPlainly() throws {
        #expect(try place.mirror().status == 0)
        let (nginx, port) = try work.nginx("plain", "root \(place.directory); location ~ /\\. { deny all; }")
        #expect(try place.servesAll("http://127.0.0.1:\(port)/lhc", to: "site"))
        let state = try Workshop.run(
            "/usr/bin/curl",
            ["-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(port)/.state/named/lhc"])
        #expect(state == "403")
        withExtendedLifetime(nginx) {}
    }

    @Test func nginxWithSlicesIsAMirrorByItself() throws {
        let (origin, originPort) = try place.serve("mirror", [place.directory, "--serve", "127.0.0.1:0"])
        try eventually(.seconds(30), "the copy") { origin.output.contains("lhc: 2 images") }
        let (nginx, port) = try work.slicing(originPort)
        #expect(try place.servesAll("http://127.0.0.1:\(port)/lhc", to: "one"))
        #expect(try place.servesAll("http://127.0.0.1:\(port)/lhc", to: "two"))
        let log = try String(contentsOfFile: work.path("nginx-slices/access"), encoding: .utf8)
        #expect(log.contains("/lhc/blobs/sha256/"))
        #expect(
            try Workshop.run("/usr/bin/find", [work.path("slices"), "-type", "f"]).split(separator: "\n").count > 3)
        withExtendedLifetime((origin, nginx)) {}
    }

    @Test func itWorksBehindAnHTTPProxy() throws {
        let (proxy, port) = try work.proxy()
        let environment = ["http_proxy": "http://127.0.0.1:\(port)"]
        #expect(try place.servesAll(place.server.url(""), to: "site", environment: environment))
        let log = try String(contentsOfFile: work.path("proxy.log"), encoding: .utf8)
        #expect(log.contains("/metadata/timestamp.json") && log.contains("/blobs/sha256/"), "\(log.suffix(500))")
        withExtendedLifetime(proxy) {}
    }

    // MARK: Faults

    @Test func killedCopiesLeaveACatalogueAndAreGoneOnWith() throws {
        var generator = SystemRandomNumberGenerator()
        var kept: [String] = []
        for round in 0..<10 {
            try work.image(MirrorPlace.environment, in: "publisher", content: UInt8(10 + round))
            try work.publish([try work.endorse(MirrorPlace.environment, until: "\(30 + round)d")])
            let running = try Running(
                program: work.home("mirror").program, arguments: ["site", "mirror", place.directory],
                directory: work.place.url, input: "", environment: ["SOJOURN_HOME": work.path("homes/mirror")])
            // Within the time that it takes; the test holds whichever moment it is.
            let moment = ContinuousClock.now.advanced(by: .microseconds(Int.random(in: 0...80_000, using: &generator)))
            while ContinuousClock.now < moment {}
            kill(running.pid, SIGKILL)
            _ = try running.finish(within: .seconds(10))
            guard FileManager.default.fileExists(atPath: "\(place.directory)/lhc/metadata/timestamp.json") else {
                continue
            }
            // Whatever it is now, a client gets all of it.
            let web = try LocalServer.files(of: URL(fileURLWithPath: place.directory))
            #expect(try place.servesAll(web.url("lhc"), to: "site-\(round)"), "round \(round)")
            kept.append("\(round)")
        }
        #expect(try place.mirror().status == 0)
        let web = try LocalServer.files(of: URL(fileURLWithPath: place.directory))
        #expect(try place.servesAll(web.url("lhc"), to: "last"))
        let parts = try FileManager.default.contentsOfDirectory(atPath: "\(place.directory)/.state/partial")
        #expect(parts == [])
    }

    @Test func aMissingOrWrongBlobChangesNothingThatIsServed() throws {
        #expect(try place.mirror().status == 0)
        let before = try place.contents(of: "\(place.directory)/lhc/metadata")
        try work.image(MirrorPlace.environment, in: "publisher", content: 77)
        try work.publish([try work.endorse(MirrorPlace.environment, until: "50d")])
        let newest = try Workshop.run("/bin/sh", ["-c", "ls -t '\(work.catalogue)/blobs/sha256' | head -40"])
        let here = Set(try FileManager.default.contentsOfDirectory(atPath: "\(place.directory)/blobs/sha256"))
        let fresh = newest.split(separator: "\n").map { "\(work.catalogue)/blobs/sha256/\($0)" }
            .filter { !here.contains(URL(fileURLWithPath: $0).lastPathComponent) }
        let victim = URL(fileURLWithPath: try #require(fresh.max { Self.size($0) < Self.size($1) }))
        let sound = try Data(contentsOf: victim)
        for damaged in [nil, Data(sound.dropLast(1)), Data(repeating: 0, count: sound.count)] as [Data?] {
            if let damaged { try damaged.write(to: victim) } else { try FileManager.default.removeItem(at: victim) }
            let result = try place.mirror()
            #expect(result.status == 1, "\(result.output)\(result.error)")
            #expect(result.error.contains("what is served of it stays as it was"), "\(result.error)")
            #expect(try place.contents(of: "\(place.directory)/lhc/metadata") == before)
        }
        try sound.write(to: victim)
        #expect(try place.mirror().status == 0)
        #expect(try place.contents(of: "\(place.directory)/lhc/metadata") != before)
    }

    private static func size(_ path: String) -> Int {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
    }

    @Test func aFullDiskLeavesWhatWas() throws {
        let script = """
            mkdir small
            mount -t tmpfs -o size=18m none small
            export SOJOURN_HOME='\(work.path("homes/mirror"))'
            '\(work.home("mirror").program)' site mirror small/copy && echo first
            '\(work.home("mirror").program)' site mirror small/again || echo full
            head -c 40m /dev/zero > small/filler || true
            '\(work.home("mirror").program)' site mirror small/third && echo unexpected
            rm small/filler
            '\(work.home("mirror").program)' site mirror small/copy && echo whole
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-uc", script], directory: work.place.url,
            input: "", environment: [:]
        ).finish(within: .seconds(60))
        #expect(!result.output.contains("unexpected"), "\(result.output)\(result.error)")
        #expect(
            result.output.contains("first") && result.output.hasSuffix("whole\n"), "\(result.output)\(result.error)")
        #expect(result.error.contains("No space left") || result.error.contains("make room there"), "\(result.error)")
    }

    @Test func whatNothingNamesGoesAfterItsGrace() throws {
        #expect(try place.mirror().status == 0)
        let before = try place.contents(of: place.directory)
        try work.image(MirrorPlace.environment, in: "publisher", content: 5)
        try work.publish([try work.endorse(MirrorPlace.environment, until: "50d")])
        try work.place.write("stray", to: "mirror/lhc/stray")
        #expect(try copied()["removed"]?.int == 0)
        #expect(try copied("--grace", "1h")["removed"]?.int == 0)
        let first = Date()
        try eventually(.seconds(5), "a second or two") { Date().timeIntervalSince(first) > 2.1 }
        #expect(try copied("--grace", "1s")["removed"]?.int ?? 0 > 0)
        let after = try place.contents(of: place.directory)
        #expect(!after.contains("stray") && before != after)
        #expect(try copied("--verify")["catalogues"]?[0]?["blobs"]?.int == 0)
    }

    @Test func aDamagedBlobIsFoundAndFetchedAgain() throws {
        #expect(try place.mirror().status == 0)
        let before = try place.contents(of: place.directory)
        let script = """
            cd '\(place.directory)/blobs/sha256'; largest=$(ls -S | head -1)
            printf X | dd of="$largest" bs=1 seek=100 conv=notrunc 2>/dev/null
            """
        try Workshop.run("/bin/sh", ["-euc", script])
        #expect(try place.contents(of: place.directory) != before)
        #expect(try copied("--verify")["catalogues"]?[0]?["blobs"]?.int == 1)
        #expect(try place.contents(of: place.directory) == before)
    }

    @Test func aHomeThatFollowsNothingCopiesNothingAndSaysSo() throws {
        let nothing = try work.result("nobody", ["site", "mirror", work.path("empty"), "--quiet"])
        #expect(nothing.status == 1 && nothing.error.contains("no catalogue is trusted"), "\(nothing.error)")
        let limit = try work.result("mirror", ["site", "mirror", place.directory, "--rate", "1MB"])
        #expect(limit.status == 2 && limit.error.contains("--serve"), "\(limit.error)")
    }

    @Test func aDirectoryOfOthersIsRefused() throws {
        try FileManager.default.createDirectory(atPath: place.directory, withIntermediateDirectories: true)
        try work.place.write("mine", to: "mirror/file")
        try work.refused("mirror", ["site", "mirror", place.directory], saying: "holds other files")
        try work.refused("mirror", ["site", "mirror"], saying: "name the directory", status: 2)
        try work.refused("mirror", ["site", "mirror", "--host"], saying: "--serve", status: 2)
        try work.refused(
            "mirror", ["site", "mirror", "x", "--serve", "8470"], saying: "no address to listen at", status: 2)
    }
}
