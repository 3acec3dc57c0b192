import Foundation
import GridModel
import ImageStore
import Testing

/// What a host gives of filesystems that have not arrived as a whole.
@Suite struct SharedRangesTests {
    private let place: PullPlace
    private let image: GridModel.Digest
    private let blob: SparseBlob

    /// A home that has the image's documents, and of its filesystem the blocks 10 to 19, the 17th damaged.
    init() throws {
        place = try PullPlace()
        image = try place.publish(Blocks.old)
        try place.sync()
        let layer = try place.layer(image)
        try place.server.fail("wait blobs/sha256/\(layer.hex)")
        let pull = try place.work.home("site").start(["image", "pull", image.description, "--how", "ranges"])
        let store = try place.store("site")
        try eventually(.seconds(30), "its entry") { FileManager.default.fileExists(atPath: store.partial(of: layer)) }
        kill(pull.pid, SIGKILL)
        _ = try pull.finish(within: .seconds(10))
        try place.server.fail()
        blob = try SparseBlob(try store.image(reference: image.description).layers[0], in: store)
        for block in 10..<20 { #expect(try keep(block)) }
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: store.partial(of: layer)))
        try file.seek(toOffset: 17 * 4096 + 5)
        try file.write(contentsOf: Data([0, 1, 2]))
        try file.close()
    }

    private func keep(_ block: Int) throws -> Bool {
        try Blocks.block(block).withUnsafeBytes { try blob.store($0, at: block) }
    }

    @Test func rangesAreServedWhereAllOfThemIsHereAndSound() throws {
        let (host, port) = try place.work.serveMirror(
            "site", ["--host", "--serve", "127.0.0.1:0", "--mirror", place.server.url("")])
        let url = "http://127.0.0.1:\(port)/blobs/sha256/\(blob.digest.hex)"
        func answer(_ range: Range<Int>?) throws -> (status: String, bytes: [UInt8]) {
            let file = place.work.path("answer")
            try Data().write(to: URL(fileURLWithPath: file))
            let asked = range.map { ["-r", "\($0.lowerBound)-\($0.upperBound - 1)"] } ?? []
            let status = try Workshop.run(
                "/usr/bin/curl", ["-s", "-o", file, "-w", "%{http_code}"] + asked + [url])
            return (status, Array(try Data(contentsOf: URL(fileURLWithPath: file))))
        }
        try eventually(.seconds(20), "what it holds") { try answer(10 * 4096..<11 * 4096).status == "206" }
        for range in [10 * 4096..<17 * 4096, 18 * 4096..<20 * 4096, 12 * 4096 + 1..<14 * 4096 + 77, 45000..<45001] {
            let answer = try answer(range)
            #expect(answer.status == "206" && answer.bytes == Array(Blocks.old[range]), "\(range): \(answer.status)")
        }
        // Not here, here in part, damaged here, and all of it.
        let lacking: [Range<Int>?] = [
            0..<4096, 9 * 4096..<11 * 4096, 19 * 4096..<20 * 4096 + 1, 17 * 4096..<18 * 4096,
            10 * 4096..<20 * 4096, nil,
        ]
        for range in lacking { #expect(try answer(range).status == "404", "\(String(describing: range))") }
        // What comes meanwhile is served too; in the end all of it.
        #expect(try keep(17) && keep(20))
        #expect(try answer(10 * 4096..<21 * 4096).bytes == Array(Blocks.old[10 * 4096..<21 * 4096]))
        for block in 0..<Blocks.count { #expect(try keep(block)) }
        #expect(try blob.finish())
        let all = try answer(nil)
        #expect(all.status == "200" && all.bytes == Blocks.old)
        kill(host.pid, SIGTERM)
        #expect(try host.finish(within: .seconds(20)).status == 0)
    }
}
