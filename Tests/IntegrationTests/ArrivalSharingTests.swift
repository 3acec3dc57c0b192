import Foundation
import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON
import Testing

/// Several hosts of a site, and what goes on beside a machine whose image arrives: real machines.
@Suite struct ArrivalSharingTests {
    private let work: CataloguePlace
    private let publisher: Workshop
    private let server: LocalServer

    /// An endorsed Debian 12 and its kernel, served.
    init() throws {
        work = try CataloguePlace()
        publisher = try Workshop.apart(with: ["images", "inputs", "locks", "home.json"])
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: work.path("homes")), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: work.path("homes/publisher"), withDestinationPath: publisher.home)
        try work.begin()
        for name in ["kernel-debian12", "os/debian12"] { try work.publish([try work.endorse(name)]) }
        server = try LocalServer.files(of: URL(fileURLWithPath: work.catalogue))
    }

    private func follow(_ home: String, _ configuration: String = "") throws {
        try work.run(
            home, "site", "trust", server.url(""), "--name", "lhc", "--root", "\(work.catalogue)/metadata/1.root.json")
        let file = URL(fileURLWithPath: work.path("homes/\(home)/config.yaml"))
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        try Data((text + configuration).utf8).write(to: file)
        let result = try work.result(home, ["site", "sync", "--no-images"])
        try #require(result.status == 0, "\(result.error)")
    }

    private func start(_ home: String, _ command: String, input: String? = "") throws -> Running {
        try work.home(home).start(
            ["run", "--os", "debian12", "--json", "--", "sh", "-c", command], in: work.place.url, input: input)
    }

    private var digest: String {
        get throws {
            try ImageStore(home: try Home(at: publisher.home)).image(reference: "os/debian12").layers[0]
                .filesystem.digest.hex
        }
    }

    @Test func aSupervisorGivesWhatItHasToOtherHosts() throws {
        try follow("mirror")
        let mirror = try work.home("mirror").start(
            ["site", "mirror", work.path("copy"), "--serve", "127.0.0.1:0"], in: work.place.url)
        try eventually(.seconds(30), "the mirror: \(mirror.error)") { mirror.error.contains(" port ") }
        let words = mirror.error.split(whereSeparator: { $0 == " " || $0 == "\n" })
        let port = words[try #require(words.firstIndex(of: "port")) + 1]
        let address = "http://127.0.0.1:\(port)"
        try follow("first", "mirrors: [\(address)]\nshare-blocks: 127.0.0.1:0\n")
        try follow("second", "mirrors: [\(address)]\n")
        // The first machine waits for its input; meanwhile its supervisor serves.
        let first = try start("first", "echo up; read line; echo $line", input: nil)
        try first.wait(for: "up")
        var holder = ""
        try eventually(.seconds(60), "a holder of the filesystem") {
            let list = try Workshop.run("/usr/bin/curl", ["-s", "\(address)/holders/sha256/\(digest)"])
            holder = list.split(separator: "\"").first { $0.hasPrefix("http://") }.map(String.init) ?? ""
            return !holder.isEmpty
        }
        let second = try start("second", "echo too").finish(within: .seconds(240))
        #expect(second.status == 0 && second.output == "too\n", "\(second.error)")
        let places = try #require(try second.record()["arrival"]?["places"]?.array)
        #expect(places.contains { $0["place"]?.string == holder }, "\(places)")
        // The catalogue itself was asked for none of it: the mirror is nearer.
        #expect(!places.contains { $0["place"]?.string == "http://127.0.0.1:\(server.port)" }, "\(places)")
        try first.send("done\n")
        let ended = try first.finish(within: .seconds(60))
        #expect(ended.status == 0 && ended.output == "up\ndone\n", "\(ended.error)")
        kill(mirror.pid, SIGTERM)
        #expect(try mirror.finish(within: .seconds(20)).status == 0)
    }

    @Test func twoMachinesAndGarbageCollectionShareWhatArrives() throws {
        try follow("site")
        let path = "blobs/sha256/\(try digest)"
        try server.become(faulty: "busy \(path)")
        let machines = try ["one", "two"].map { try start("site", "echo \($0)") }
        try eventually(.seconds(120), "both machines wait") {
            try server.log().filter { $0.path == path && $0.status == 503 }.count > 4
        }
        let collected = try work.result("site", ["image", "gc", "--all"])
        #expect(collected.status == 0, "\(collected.error)")
        try server.become()
        for (machine, name) in zip(machines, ["one", "two"]) {
            let result = try machine.finish(within: .seconds(240))
            #expect(result.status == 0 && result.output == "\(name)\n", "\(result.error)")
        }
        // Each block came once, whoever asked first.
        let moved = try server.log().filter { $0.path == path }.reduce(0) { $0 + $1.bytes }
        let size = try Files.size("\(publisher.home)/images/\(path)")
        #expect(Int64(moved) <= size + size / 10, "\(moved) of \(size)")
        #expect(try work.result("site", ["image", "verify"]).status == 0)
    }

    @Test func aKilledSupervisorLeavesWhatCame() throws {
        try follow("site")
        let path = "blobs/sha256/\(try digest)"
        let machine = try start("site", "echo up; read line", input: nil)
        try machine.wait(for: "up")
        let before = try server.log().filter { $0.path == path }.reduce(0) { $0 + $1.bytes }
        kill(machine.pid, SIGKILL)
        _ = try machine.finish(within: .seconds(60))
        let after = try start("site", "echo again").finish(within: .seconds(240))
        #expect(after.status == 0 && after.output == "again\n", "\(after.error)")
        let moved = try server.log().filter { $0.path == path }.reduce(0) { $0 + $1.bytes }
        let size = try Files.size("\(publisher.home)/images/\(path)")
        #expect(before > 0 && Int64(moved) <= size + size / 10, "\(before), \(moved) of \(size)")
        #expect(try work.result("site", ["image", "verify"]).status == 0)
    }
}
