import Foundation
import GridModel
import ImageFormat
import ImageStore
import Testing

/// What stands between a machine whose image arrives and the catalogue: mirrors, web servers, proxies, hosts that lie.
@Suite struct ArrivalMirrorTests {
    private let system: EndorsedSystem
    private var work: CataloguePlace { system.work }

    init() throws { system = try EndorsedSystem() }

    /// A home's full copy; its directory.
    private func copy() throws -> String {
        try system.follow("mirror")
        try work.run("mirror", "site", "mirror", work.path("copy"))
        return work.path("copy")
    }

    private func bytes(_ server: LocalServer, _ path: String) throws -> Int64 {
        try server.log().filter { $0.path == path }.reduce(0) { $0 + Int64($1.bytes) }
    }

    @Test func aMachineStartsThroughNginxWithSlices() throws {
        let mirror = try LocalServer.files(of: URL(fileURLWithPath: try copy()))
        let (nginx, port) = try work.slicing(mirror.port)
        let address = "http://127.0.0.1:\(port)"
        try system.follow("site", "mirrors: ['\(address)']\n")
        let asked = try system.server.log().count
        let result = try system.job("site", EndorsedSystem.reading)
        #expect(try result.status == 0 && result.output == EndorsedSystem.whatItReads(), "\(result.error)")
        let arrival = try Arrival(result)
        let layer = try system.layer()
        #expect(Array(arrival.places.keys) == ["\(address)/lhc"], "\(arrival.places)")
        #expect(arrival.bytes > 1 << 20 && arrival.bytes <= layer.size, "\(arrival.bytes) of \(layer.size)")
        // Slices that two ask for at once may come twice.
        let fetched = try bytes(mirror, "lhc/\(layer.path)")
        #expect(fetched >= arrival.bytes && fetched <= 2 * layer.size, "\(fetched) of \(layer.size)")
        #expect(try system.server.log()[asked...].allSatisfy { !$0.path.hasPrefix("blobs/") })
        withExtendedLifetime(nginx) {}
    }

    @Test func aMachineStartsBehindAnHTTPProxy() throws {
        let (proxy, port) = try work.proxy()
        try system.follow("site")
        let layer = try system.layer()
        let result = try system.job(
            "site", EndorsedSystem.reading, environment: ["http_proxy": "http://127.0.0.1:\(port)"])
        #expect(try result.status == 0 && result.output == EndorsedSystem.whatItReads(), "\(result.error)")
        let arrival = try Arrival(result)
        #expect(arrival.bytes > 1 << 20 && arrival.bytes <= layer.size, "\(arrival.bytes) of \(layer.size)")
        #expect(Array(arrival.places.keys) == [String(system.server.url("").dropLast())], "\(arrival.places)")
        // Every request went through it.
        let log = try String(contentsOfFile: work.path("proxy.log"), encoding: .utf8)
        let requests = try system.server.log().filter { $0.path == layer.path }.count
        #expect(log.components(separatedBy: "GET \(system.server.url(layer.path)) ").count - 1 >= requests)
        #expect(requests > 4, "\(log.suffix(500))")
        withExtendedLifetime(proxy) {}
    }

    /// It told the mirror that it has the filesystem, and sends other bytes.
    @Test func aHostThatLiesCostsTriesAndIsNamed() throws {
        try system.follow("mirror")
        let (mirror, port) = try work.serveMirror("mirror", [work.path("copy"), "--serve", "127.0.0.1:0"])
        try eventually(.seconds(30), "the copy: \(mirror.error)") { mirror.output.contains("lhc: 2 images") }
        let layer = try system.layer()
        try FileManager.default.createDirectory(
            atPath: work.path("liar/blobs/sha256"), withIntermediateDirectories: true)
        try Workshop.run("/bin/cp", [layer.whole, work.path("liar/\(layer.path)")])
        let liar = try LocalServer.files(of: URL(fileURLWithPath: work.path("liar")))
        try liar.become(faulty: "lie \(layer.path)")
        let said = try Workshop.run(
            "/usr/bin/curl",
            [
                "-s", "--data-binary", "{\"port\":\(liar.port),\"blobs\":[\"\(layer.digest)\"]}",
                "http://127.0.0.1:\(port)/holders",
            ])
        #expect(said.contains("seconds"), "\(said)")
        try system.follow("site", "mirrors: ['http://127.0.0.1:\(port)']\n")
        let result = try system.job("site", EndorsedSystem.reading)
        #expect(try result.status == 0 && result.output == EndorsedSystem.whatItReads(), "\(result.error)")
        let arrival = try Arrival(result)
        let name = "http://127.0.0.1:\(liar.port)"
        #expect(
            arrival.notes.contains {
                $0.contains(name) && $0.contains("wrong block") && $0.contains(layer.digest.description)
            }, "\(arrival.notes)")
        // Three lies are enough; four requests may be under way when the third is found.
        let asked = try liar.log().filter { $0.path == layer.path }.count
        #expect((1...7).contains(asked), "\(asked)")
        #expect(arrival.places["http://127.0.0.1:\(port)/lhc", default: 0] > 1 << 20, "\(arrival.places)")
        #expect(try work.result("site", ["image", "verify"]).status == 0)
    }

    // MARK: What a start reads first

    /// Served with its image by the catalogue and copies of that; what it names is asked for in its order, before the
    /// machine asks. FactoryCheckTests has how it is recorded.
    @Test func aBootTraceIsPublishedCopiedAndFollowed() throws {
        // One that no boot makes: nobody asks for these blocks in this order but for the trace.
        let layer = try system.layer()
        let first = Int(layer.size) / 4096 * 3 / 4 / 8 * 8
        let chunks = (0..<24).map { first - $0 * 16..<first - $0 * 16 + 8 }
        let trace = try BootTrace([(layer.digest, chunks)]).encoded()
        let image = try system.store("publisher").image(reference: "os/debian12").digest
        let traced = try EndorsedSystem { store in
            try store.attach(trace, mediaType: MediaType.bootTrace, artifactType: MediaType.bootTrace, to: image)
        }
        let work = traced.work
        let name = "traces/sha256/\(image.hex).json"
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(work.catalogue)/\(name)")) == Data(trace))
        try traced.follow("mirror")
        try work.run("mirror", "site", "mirror", work.path("copy"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(work.path("copy"))/lhc/\(name)")) == Data(trace))
        try traced.follow("site")
        let result = try traced.job("site", "true")
        #expect(result.status == 0, "\(result.error)")
        #expect(try traced.store("site").bootTrace(of: image)?.blocks(of: layer.digest) == chunks)
        // Of the whole, the mirror.
        let asked = try traced.server.log().filter { $0.path == layer.path && $0.range != "-" }.map(\.range)
        let wanted = chunks.map { "bytes=\($0.lowerBound * 4096)-\($0.upperBound * 4096 - 1)" }
        // Four are under way at once, and end in any order.
        #expect(Set(asked.prefix(8)).isSubset(of: wanted.prefix(12)), "\(asked.prefix(30))")
        let places = wanted.compactMap(asked.firstIndex)
        #expect(places.count == wanted.count, "\(asked)")
        for index in places.indices.dropFirst(8) { #expect(places[index - 8] < places[index], "\(asked)") }
    }
}
