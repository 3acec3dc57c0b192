import Foundation
import GridModel
import StrictJSON
import Testing

/// Homes that use mirrors and each other: what is asked where, and who is believed.
@Suite struct MirrorUseTests {
    private let place: MirrorPlace
    private var work: CataloguePlace { place.work }

    init() throws { place = try MirrorPlace() }

    private func served() throws -> (Running, Int) {
        let log = work.path("access.log")
        let mirror = try place.serve(
            "mirror", [place.directory, "--serve", "127.0.0.1:0", "--access-log", log, "--rate", "50MB"])
        try eventually(.seconds(30), "the copy") { mirror.0.output.contains("lhc: 2 images") }
        return mirror
    }

    private func sync(_ home: String, _ options: String...) throws -> Sojourn.Result {
        try work.result(home, ["site", "sync"] + options)
    }

    private func curl(_ arguments: String...) throws -> String { try Workshop.run("/usr/bin/curl", ["-s"] + arguments) }

    /// A site whose way to the catalogue is cut has all of it from the mirror.
    @Test func aMirrorIsAskedBeforeTheCatalogue() throws {
        let (mirror, port) = try served()
        try place.follow("site", at: "http://127.0.0.1:9/nobody-listens")
        let url = "http://127.0.0.1:\(port)"
        try place.configure("site", "mirrors: ['\(url)']\nshare-blocks: 127.0.0.1:8471")
        let result = try sync("site", "--no-images")
        #expect(result.status == 0, "\(result.output)\(result.error)")
        let lines = work.place.text("access.log").split(separator: "\n")
        #expect(lines.count > 8 && lines.allSatisfy { $0.hasPrefix("{\"access\":{") && $0.hasSuffix("}") })
        let shown = try work.json("site", "site", "show")
        #expect(shown["mirrors"] == [.string(url)] && shown["shareBlocks"] == "127.0.0.1:8471", "\(shown)")
        #expect(shown["catalogues"]?[0]?["name"] == "lhc")
        let told = try work.result("site", ["site", "show"])
        #expect(told.output.contains("  \(url)\n") && told.output.contains("at 127.0.0.1:8471\n"), "\(told.output)")
        kill(mirror.pid, SIGTERM)
        #expect(try mirror.finish(within: .seconds(20)).status == 0)
    }

    /// Dead, of another catalogue, older than what is known here, lying: none is a fault where the catalogue answers.
    @Test func aBadMirrorIsPassedBy() throws {
        #expect(try place.mirror().status == 0)
        let old = work.path("old")
        try Workshop.run("/bin/cp", ["-a", place.directory, old])
        let liar = try LocalServer.hostile()
        let stale = try LocalServer.files(of: URL(fileURLWithPath: old))
        let empty = try LocalServer.files(of: URL(fileURLWithPath: work.path("homes/mirror/inputs")))
        try place.follow("site", at: place.server.url(""))
        #expect(try sync("site", "--no-images").status == 0)
        try work.image(MirrorPlace.environment, in: "publisher", content: 9)
        try work.publish([try work.endorse(MirrorPlace.environment, until: "50d")])
        // Now what is known here is newer than the old copy.
        #expect(try sync("site", "--no-images").status == 0)
        let before = try work.json("site", "site", "explain", MirrorPlace.environment)
        let mirrors = [liar.url("length/100"), "http://127.0.0.1:9", stale.url(""), empty.url("")]
        try place.configure("site", "mirrors: [\(mirrors.map { "'\($0)'" }.joined(separator: ", "))]")
        let result = try sync("site", "--no-images")
        #expect(result.status == 0, "\(result.output)\(result.error)")
        #expect(result.error.components(separatedBy: "is passed by").count == 5, "\(result.error)")
        #expect(try work.json("site", "site", "explain", MirrorPlace.environment)[0]?["digest"] == before[0]?["digest"])
    }

    /// Right metadata and wrong blobs: what is wrong is had from the catalogue.
    @Test func aMirrorOfWrongBlobsChangesNothing() throws {
        #expect(try place.mirror().status == 0)
        let script = """
            cd '\(place.directory)/blobs/sha256'
            for blob in *; do chmod u+w "$blob"; head -c "$(stat -c %s "$blob")" /dev/zero > zero; cat zero > "$blob"; done; rm zero
            """
        try Workshop.run("/bin/sh", ["-euc", script])
        let web = try LocalServer.files(of: URL(fileURLWithPath: place.directory))
        try place.follow("site", at: place.server.url(""))
        try place.configure("site", "mirrors: ['\(web.url(""))']")
        let result = try sync("site", "--no-images")
        #expect(result.status == 0, "\(result.output)\(result.error)")
    }

    // MARK: Hosts

    @Test func hostsTellTheMirrorAndServeEachOther() throws {
        let (mirror, port) = try served()
        let url = "http://127.0.0.1:\(port)"
        try work.image(MirrorPlace.environment, in: "host")
        try place.follow("host", at: place.server.url(""))
        #expect(try sync("host", "--no-images").status == 0)
        let (host, hostPort) = try place.serve("host", ["--host", "--serve", "127.0.0.1:0", "--mirror", url])
        let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(place.directory)/blobs/sha256")
        let address = "http://127.0.0.1:\(hostPort)"
        for blob in blobs {
            try eventually(.seconds(30), "holders of \(blob)") {
                try curl("\(url)/holders/sha256/\(blob)").contains("\"\(address)\"")
            }
            let sum = try Workshop.run("/bin/sh", ["-c", "curl -s \(address)/blobs/sha256/\(blob) | sha256sum"])
            #expect(sum.hasPrefix(blob))
        }
        // Of this home nothing else goes: neither its own images nor other files.
        let own = try work.image("lhc/own:1@debian12", in: "host", content: 99)
        let code = ["-o", "/dev/null", "-w", "%{http_code}", "--path-as-is"]
        for path in [
            "blobs/sha256/\(own.hex)", "config.yaml", "blobs/sha256/../../../config.yaml", "",
            "blobs/sha256/\(blobs[0])/x",
        ] {
            #expect(try Workshop.run("/usr/bin/curl", ["-s"] + code + ["\(address)/\(path)"]) == "404", "\(path)")
        }
        kill(host.pid, SIGTERM)
        #expect(try host.finish(within: .seconds(20)).status == 0)
        // It said so when it went.
        #expect(try curl("\(url)/holders/sha256/\(blobs[0])") == "{\"holders\":[],\"version\":1}")
        withExtendedLifetime(mirror) {}
    }

    @Test func announcementsOfStrangersAreBounded() throws {
        let (mirror, port) = try served()
        let url = "http://127.0.0.1:\(port)"
        let blob = try #require(
            try FileManager.default.contentsOfDirectory(atPath: "\(place.directory)/blobs/sha256").first)
        func announce(_ body: String) throws -> String {
            try curl("-o", "/dev/null", "-w", "%{http_code}", "--data-binary", body, "\(url)/holders")
        }
        for body in ["", "{}", "[", "{\"port\":22,\"blobs\":[]}", "{\"port\":8471,\"blobs\":[\"sha256:..\"]}"] {
            #expect(try announce(body) == "400", "\(body)")
        }
        // Where it comes from is not its to say, and what the mirror has not is nobody's.
        let unknown = String(repeating: "ab", count: 32)
        #expect(
            try announce(
                "{\"port\":8471,\"blobs\":[\"sha256:\(unknown)\",\"sha256:\(blob)\"],\"address\":\"10.9.9.9\"}")
                != "200"
                || !curl("\(url)/holders/sha256/\(blob)").contains("10.9.9.9"))
        for port in 2000..<2008 {
            #expect(
                try announce("{\"port\":\(port),\"blobs\":[\"sha256:\(unknown)\",\"sha256:\(blob)\"]}") == "200"
                    || port > 2006)
        }
        #expect(try announce("{\"port\":2999,\"blobs\":[\"sha256:\(blob)\"]}") == "503")
        #expect(try curl("\(url)/holders/sha256/\(unknown)") == "{\"holders\":[],\"version\":1}")
        #expect(try curl("-o", "/dev/null", "-w", "%{http_code}", "\(url)/holders/sha256/x") == "404")
        #expect(
            try curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "x", "\(url)/lhc/metadata/timestamp.json") == "405")
        withExtendedLifetime(mirror) {}
    }
}
