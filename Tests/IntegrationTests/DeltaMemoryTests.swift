import Foundation
import GridModel
import ImageFormat
import ImageStore
import Testing

/// What making and applying a delta of a real filesystem takes of memory.
@Suite struct DeltaMemoryTests {
    /// Of the largest of the program and its children; two of them are at work at once.
    private static let most = 250_000_000

    /// The filesystem of Debian 12, and one in which each eighth block is another: as after a large respin.
    @Test func aDeltaOfASystemIsMadeAndAppliedInLittleMemory() throws {
        let place = try PullPlace()
        _ = try Workshop()
        let shared = try ImageStore(home: try Home(at: Sojourn.installed().home.path))
        let layer = try shared.image(reference: "os/debian12").layers[0].filesystem
        var data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: shared.path(of: layer.digest))))
        let old = try place.publish(data, as: "lhc/system:1@debian12")
        try place.sync()
        try place.pulled(old)
        for start in stride(from: 0, to: data.count, by: 8 * 4096) {
            for byte in stride(from: start, to: start + 4096, by: 16) { data[byte] ^= 0x5a }
        }
        let new = try WholeImage.image(
            try Environment(parsing: "lhc/system:1@debian12"), kernel: place.kernel, data, try place.store("publisher"))
        let draft = try place.work.endorse(new.description)
        let making = try memory(
            "publisher", ["catalogue", "publish", draft, "--catalogue", place.work.catalogue], in: place)
        try place.sync()
        let applying = try memory("site", ["image", "pull", new.description, "--how", "delta"], in: place)
        try place.work.run("site", "image", "verify", new.description)
        #expect(place.server.answers("blobs/sha256/\(try place.layer(new).hex)").isEmpty)
        #expect(making < Self.most && applying < Self.most, "made in \(making), applied in \(applying) bytes")
    }

    /// Must succeed; the bytes of memory of its largest process.
    private func memory(_ home: String, _ arguments: [String], in place: PullPlace) throws -> Int {
        let script = """
            import resource, subprocess, sys
            status = subprocess.call(sys.argv[1:])
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
            sys.exit(status)
            """
        let sojourn = place.work.home(home)
        let result = try Workshop.tool(
            "/usr/bin/python3", ["-c", script, sojourn.program] + arguments, in: place.work.place.url,
            environment: ["SOJOURN_HOME": sojourn.home.path])
        try #require(result.status == 0, "\(result.error)")
        return try #require(result.output.split(separator: "\n").last.flatMap { Int($0) }, "\(result.output)")
    }
}
