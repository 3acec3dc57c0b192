import Foundation
import GridModel
import ImageStore
import StrictJSON
import Testing

/// Images that are fetched by what is cheapest, from a server that counts.
@Suite struct PullTests {
    private let place: PullPlace

    init() throws { place = try PullPlace() }

    private func layers(_ answer: JSONValue, _ plan: String = "plan") -> JSONValue? {
        let image = answer[plan]?["artifacts"]?.array?.first { $0["layers"]?.array?.isEmpty == false }
        return image?["layers"]?[0]
    }

    // MARK: What moves

    @Test(arguments: ["ranges", "delta"]) func whatDiffPredictsIsWhatMoves(_ how: String) throws {
        let old = try place.publish(Blocks.old)
        try place.sync()
        try place.pulled(old)
        let new = try place.publish(Blocks.new)
        let diff = try place.work.json("publisher", "image", "diff", old.description, new.description, "--delta")
        let predicted = try #require(diff["pull"])
        let before = place.server.moved
        try place.sync()
        let asked = try place.asked(new, "--how", how)
        let requests = place.server.answers("blobs/sha256/\(try place.layer(new).hex)").count
        #expect(requests == 0)
        let answer = try place.pulled(new, "--how", how)
        let documents = try #require(predicted["documentBytes"]?.int)
        let layer = try #require(predicted["layers"]?[0])
        let blocks = try #require(layer[how == "delta" ? "deltaBytes" : "rangeBytes"]?.int)
        #expect(place.server.moved - before == documents + blocks, "\(predicted)")
        #expect(layers(asked)?["bytes"]?.int == blocks && layers(answer)?["bytes"]?.int == blocks)
        #expect(answer["report"]?["faults"]?.array == [])
        let made = place.server.answers("blobs/sha256/\(try place.layer(new).hex)").count
        if how == "ranges" {
            #expect(Int64(made) == layer["rangeRequests"]?.int)
            // Ten edited, two more, and two new ones, with what lies between.
            #expect(blocks == 15 * 4096)
        } else {
            #expect(made == 0 && blocks < 8 * 4096)
        }
    }

    @Test func theCheapestIsTaken() throws {
        let old = try place.publish(Blocks.old)
        try place.sync()
        try place.pulled(old)
        let new = try place.publish(Blocks.new)
        try place.sync()
        let answer = try place.pulled(new)
        #expect(layers(answer)?["way"]?.string == "delta")
        #expect(place.server.answers("blobs/sha256/\(try place.layer(new).hex)").isEmpty)
        // Nothing is fetched twice.
        let before = place.server.moved
        #expect(try place.pulled(new)["report"]?["bytes"]?.int == 0 && place.server.moved == before)
    }

    @Test func blocksThatAreHereUnderAnyImageAreNotFetched() throws {
        let old = try place.publish(Blocks.old)
        try place.sync()
        try place.pulled(old)
        let other = try place.publish(
            Blocks.all((0..<Blocks.count).reversed()) + Blocks.all(5..<9), as: "lhc/other:1@debian12")
        try place.sync()
        let answer = try place.pulled(other, "--how", "here")
        #expect(layers(answer)?["way"]?.string == "here")
        #expect(layers(answer)?["blocksCopied"]?.int == Int64(Blocks.count + 4))
        #expect(place.server.answers("blobs/sha256/\(try place.layer(other).hex)").isEmpty)
    }

    @Test func whereTheyAreNotHereTheWayThatIsAskedForIsRefused() throws {
        let image = try place.publish(Blocks.old)
        try place.sync()
        for (how, words) in [("here", "nowhere here"), ("delta", "no delta is served")] {
            let result = try place.pull(image, "--how", how)
            #expect(result.status == 1 && result.error.contains(words), "\(how): \(result.error)")
        }
        #expect(try place.pull(image, "--how", "slowly").status == 2)
        #expect(place.server.answers("blobs/sha256/\(try place.layer(image).hex)").isEmpty)
    }

    @Test func withoutThePredecessorItsDeltaIsNotTaken() throws {
        try place.publish(Blocks.old)
        let new = try place.publish(Blocks.new)
        try place.sync()
        #expect(FileManager.default.fileExists(atPath: try place.hints(new)))
        let answer = try place.pulled(new)
        #expect(layers(answer)?["way"]?.string == "ranges" && layers(answer)?["delta"] == nil)
    }

    @Test func whatTheRulesRefuseIsNotFetched() throws {
        let image = try place.publish(Blocks.old)
        try place.sync()
        try place.work.run("site", "site", "ban", "image", image.description)
        let before = place.server.moved
        let result = try place.pull(image)
        #expect(result.status == 4 && result.error.contains("may not run here"), "\(result.error)")
        #expect(place.server.moved == before)
        #expect(try place.work.result("site", ["image", "pull", "lhc/none:1@debian12"]).status == 3)
    }

    @Test func asSynchronisedAndAsPulledItIsTheSame() throws {
        let old = try place.publish(Blocks.old)
        try place.work.run("site", "site", "sync", "--all")
        try place.nextSecond()
        let new = try place.publish(Blocks.new)
        try place.work.run("site", "site", "sync")
        // A delta here too.
        #expect(place.server.answers("blobs/sha256/\(try place.layer(new).hex)").isEmpty)
        for image in [old, new] { try place.work.run("site", "image", "verify", image.description) }
    }

    // MARK: Publishing

    @Test func deltasAreWrittenOnceFromAsManyAsAreAskedFor() throws {
        let images = try (0..<3).map { try place.publish(Blocks.old + Blocks.edited(5, UInt8($0))) }
        func deltas(_ image: GridModel.Digest) throws -> [String] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: try place.hints(image)))
            let hints = try StrictJSON.decode(JSONValue.self, from: Array(bytes), source: "hints")
            return (hints["deltas"]?.array ?? []).compactMap { $0["from"]?.string }
        }
        #expect(throws: (any Error).self) { try deltas(images[0]) }
        #expect(try deltas(images[1]) == [try place.layer(images[0]).description])
        #expect(
            try deltas(images[2]).sorted()
                == [place.layer(images[0]), place.layer(images[1])].map(\.description).sorted())
        // The next version of the software follows those of the last; another software does not.
        let next = try place.publish(Blocks.old + Blocks.edited(5, 100), as: "lhc/pythia8:8.318@debian12", deltas: 1)
        #expect(try deltas(next).count == 1)
        let other = try place.publish(Blocks.old + Blocks.edited(5, 150), as: "lhc/other:8.318@debian12")
        #expect(throws: (any Error).self) { try deltas(other) }
        let last = try place.publish(Blocks.old + Blocks.edited(5, 200), deltas: 0)
        #expect(throws: (any Error).self) { try deltas(last) }
    }
}
