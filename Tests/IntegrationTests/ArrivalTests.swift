import Foundation
import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON
import Testing

/// Machines that start before their image has arrived, or whose image's disk lies: real ones, of a site that follows a
/// catalogue.
@Suite struct ArrivalTests {
    private let system: EndorsedSystem
    private var work: CataloguePlace { system.work }
    private var server: LocalServer { system.server }

    init() throws {
        system = try EndorsedSystem()
        try system.follow("site")
    }

    private func job(_ command: String) throws -> Sojourn.Result { try system.job("site", command) }

    private func digest(_ reference: String) throws -> String {
        try system.store("publisher").artifact(reference: reference).digest.description
    }

    private func moved() throws -> Int {
        try server.log().filter { $0.path.contains("blobs/sha256") }.reduce(0) { $0 + $1.bytes }
    }

    @Test func aJobRunsBeforeItsImageHasArrivedAndTheRestComesLater() throws {
        let result = try job("echo first")
        #expect(result.status == 0 && result.output == "first\n", "\(result.error)")
        let layer = try system.layer(in: "site")
        let arrival = try #require(result.record()["arrival"], "\(result.error)")
        let bytes = try #require(arrival["bytes"]?.int)
        #expect(bytes > 1 << 18 && bytes <= layer.size + layer.size / 4, "\(bytes) of \(layer.size)")
        #expect(arrival["places"]?[0]?["place"]?.string?.hasPrefix("http://127.0.0.1:") == true)
        // Verified, told as arriving, and completed by a pull that brings what is missing and no more.
        #expect(try work.result("site", ["image", "verify"]).status == 0)
        let before = try moved()
        try work.run("site", "image", "pull", "os/debian12")
        #expect(Int64(try moved() - before) <= layer.size - bytes + (1 << 20))
        #expect(Files.exists(layer.whole) && !Files.exists(layer.partial))
        #expect(try work.result("site", ["image", "verify"]).status == 0)
        // Nobody is asked any more.
        try server.stop()
        let later = try job("echo later")
        #expect(later.status == 0, "\(later.error)")
        #expect(try later.record()["arrival"] == nil)
    }

    @Test func aReadWaitsForAServerThatComesBackAndEndsInWordsWhereItDoesNot() throws {
        // All blobs but the filesystem come at once.
        #expect(try job("true").status == 0)
        let layer = try system.layer(in: "site")
        for path in [layer.whole, layer.partial] { try Files.remove(path) }
        try server.become(faulty: "busy \(layer.path)")
        let waiting = try system.start("site", "echo came")
        try eventually(.seconds(60), "requests") {
            try server.log().contains { $0.status == 503 && $0.path == layer.path }
        }
        try server.become()
        let result = try waiting.finish(within: .seconds(240))
        #expect(result.status == 0 && result.output == "came\n", "\(result.error)")
        for path in [layer.whole, layer.partial] { try Files.remove(path) }
        // Nobody follows it any more, and what is here is not enough.
        try work.run("site", "site", "approve", "image", digest("os/debian12"))
        try work.run("site", "site", "approve", "image", digest("kernel-debian12"))
        try work.run("site", "site", "distrust", "lhc")
        let refused = try job("echo never")
        #expect(refused.status == 125 && refused.output.isEmpty, "\(refused.output)")
        #expect(refused.error.contains(layer.digest.description), "\(refused.error)")
        #expect(try refused.record()["outcome"]?["kind"]?.string == "image-unavailable")
    }

    @Test func aServerThatLiesCostsATryAndIsNamed() throws {
        let copy = work.path("copy")
        try Workshop.run("/bin/cp", ["-r", work.catalogue, copy])
        let liar = try LocalServer.files(of: URL(fileURLWithPath: copy))
        // Asked first, for it is trusted last.
        try system.follow("site", at: liar, as: "liar")
        #expect(try job("true").status == 0)
        let layer = try system.layer(in: "site")
        for path in [layer.whole, layer.partial] { try Files.remove(path) }
        try liar.become(faulty: "lie \(layer.path)")
        let result = try job("echo true bytes; md5sum /bin/* | md5sum")
        #expect(result.status == 0 && result.output.hasPrefix("true bytes\n"), "\(result.error)")
        let record = try result.record()
        let notes = (record["notes"]?.array ?? []).compactMap(\.string)
        #expect(
            notes.contains {
                $0.contains(":\(liar.port)") && $0.contains("wrong block") && $0.contains(layer.digest.description)
            },
            "\(notes)")
    }

    @Test func scrubbingMendsWhateverWasDamaged() throws {
        #expect(try job("true").status == 0)
        try work.run("site", "image", "pull", "os/debian12")
        let store = try system.store("site")
        let image = try store.image(reference: "os/debian12")
        let kernel = try store.kernel(reference: "kernel-debian12")
        let damaged = [image.layers[0].filesystem, image.layers[0].tree, image.manifest.config, kernel.modules]
        for blob in damaged {
            let path = store.path(of: blob.digest)
            chmod(path, 0o600)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try file.seek(toOffset: UInt64(blob.size / 2))
            try file.write(contentsOf: Data("x\u{1}y".utf8))
            try file.close()
        }
        let found = try work.result("site", ["image", "scrub"])
        #expect(found.status == 1, "\(found.output)")
        for blob in damaged { #expect(found.error.contains(blob.digest.description), "\(found.error)") }
        #expect(!found.error.contains("not mended"), "\(found.error)")
        let again = try work.result("site", ["image", "scrub"])
        #expect(again.status == 0, "\(again.error)")
        #expect(try job("echo well").output == "well\n")
    }

    @Test func aBitThatTurnedOnTheDiskIsFetchedAgainOrEndsTheRunWhateverThePayloadReturns() throws {
        #expect(try job("true").status == 0)
        try work.run("site", "image", "pull", "os/debian12")
        let layer = try system.layer(in: "site")
        func damage() throws {
            chmod(layer.whole, 0o600)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: layer.whole))
            let place = UInt64(layer.size / 2)
            try file.seek(toOffset: place)
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: place)
            try file.write(contentsOf: [byte ^ 4])
            try file.close()
        }
        try damage()
        let found = try work.result("site", ["image", "verify"])
        #expect(found.status == 1 && found.error.contains(layer.digest.description), "\(found.error)")
        let mended = try job("tar -C / -cf - usr | cat >/dev/null; echo mended")
        #expect(mended.status == 0 && mended.output == "mended\n", "\(mended.error)")
        let notes = (try mended.record()["notes"]?.array ?? []).compactMap(\.string)
        #expect(notes.contains { $0.contains("damaged") && $0.contains(layer.digest.description) }, "\(notes)")
        try work.run("site", "image", "pull", "os/debian12")
        #expect(try work.result("site", ["image", "verify"]).status == 0)
        // Now nobody has it.
        try server.stop()
        try work.run("site", "site", "approve", "image", digest("os/debian12"))
        try work.run("site", "site", "approve", "image", digest("kernel-debian12"))
        try work.run("site", "site", "distrust", "lhc")
        try damage()
        let ended = try job("tar -C / -cf - usr | cat >/dev/null; exit 0")
        #expect(ended.status == 125, "\(ended.output)\(ended.error)")
        #expect(ended.error.contains(layer.digest.description), "\(ended.error)")
        let scrubbed = try work.result("site", ["image", "scrub"])
        #expect(scrubbed.status == 1 && scrubbed.error.contains(layer.digest.description), "\(scrubbed.error)")
    }
}
