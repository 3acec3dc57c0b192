import Foundation
import GridModel
import StrictJSON
import Testing

/// Several hosts of a site, and what goes on beside a machine whose image arrives: real machines.
@Suite struct ArrivalSharingTests {
    private let system: EndorsedSystem
    private var work: CataloguePlace { system.work }
    private var server: LocalServer { system.server }

    init() throws { system = try EndorsedSystem() }

    @Test func aSupervisorGivesWhatItHasToOtherHosts() throws {
        try system.follow("mirror")
        let (mirror, port) = try work.serveMirror("mirror", [work.path("copy"), "--serve", "127.0.0.1:0"])
        let address = "http://127.0.0.1:\(port)"
        try system.follow("first", "mirrors: [\(address)]\nshare-blocks: 127.0.0.1:0\n")
        try system.follow("second", "mirrors: [\(address)]\n")
        // The first machine waits for its input; meanwhile its supervisor serves.
        let first = try system.start("first", "echo up; read line; echo $line", input: nil)
        try first.wait(for: "up")
        let layer = try system.layer()
        var holder = ""
        try eventually(.seconds(60), "a holder of the filesystem") {
            let list = try Workshop.run("/usr/bin/curl", ["-s", "\(address)/holders/sha256/\(layer.digest.hex)"])
            holder = list.split(separator: "\"").first { $0.hasPrefix("http://") }.map(String.init) ?? ""
            return !holder.isEmpty
        }
        let second = try system.start("second", "echo too").finish(within: .seconds(240))
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
        try system.follow("site")
        let layer = try system.layer()
        try server.become(faulty: "busy \(layer.path)")
        let machines = try ["one", "two"].map { try system.start("site", "echo \($0)") }
        try eventually(.seconds(120), "both machines wait") {
            try server.log().filter { $0.path == layer.path && $0.status == 503 }.count > 4
        }
        let collected = try work.result("site", ["image", "gc", "--all"])
        #expect(collected.status == 0, "\(collected.error)")
        try server.become()
        for (machine, name) in zip(machines, ["one", "two"]) {
            let result = try machine.finish(within: .seconds(240))
            #expect(result.status == 0 && result.output == "\(name)\n", "\(result.error)")
        }
        // Each block came once, whoever asked first.
        let moved = try server.log().filter { $0.path == layer.path }.reduce(0) { $0 + $1.bytes }
        #expect(Int64(moved) <= layer.size + layer.size / 10, "\(moved) of \(layer.size)")
        #expect(try work.result("site", ["image", "verify"]).status == 0)
    }

    @Test func aKilledSupervisorLeavesWhatCame() throws {
        try system.follow("site")
        let layer = try system.layer()
        let machine = try system.start("site", "echo up; read line", input: nil)
        try machine.wait(for: "up")
        func moved() throws -> Int64 {
            try server.log().filter { $0.path == layer.path }.reduce(0) { $0 + Int64($1.bytes) }
        }
        try eventually(.seconds(60), "a fifth of it") { try moved() > layer.size / 5 }
        kill(machine.pid, SIGKILL)
        _ = try machine.finish(within: .seconds(60))
        let after = try system.start("site", "echo again").finish(within: .seconds(240))
        #expect(after.status == 0 && after.output == "again\n", "\(after.error)")
        try work.run("site", "image", "pull", "os/debian12")
        // Again came what was on its way: four requests. What the pull brought came without blocks of zeros.
        let all = try moved()
        #expect(all <= layer.size + 4 << 19, "\(all) of \(layer.size)")
        #expect(try work.result("site", ["image", "verify"]).status == 0)
    }
}
