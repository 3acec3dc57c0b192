import Foundation
import GridModel
import ImageStore
import Linux
import StrictJSON
import Testing

/// What is served wrongly, interrupted or has no room: an image comes right or not at all, and nothing is lost.
@Suite struct PullFaultTests {
    private let place: PullPlace
    private let image: GridModel.Digest
    private let layer: String

    init() throws {
        place = try PullPlace()
        image = try place.publish(Blocks.old)
        layer = "blobs/sha256/\(try place.layer(image).hex)"
        try place.sync()
    }

    /// What was not as it should be, as the answer tells.
    private func faults(_ answer: JSONValue) -> String {
        (answer["report"]?["faults"]?.array ?? []).compactMap(\.string).joined(separator: "; ")
    }

    // MARK: Served wrongly

    @Test func ofALyingServerNothingIsTakenAndAnotherIsAsked() throws {
        let other = try RangeServer(of: place.work.catalogue)
        try other.fail("lie \(layer)")
        try place.work.run(
            "site", "site", "trust", other.url(""), "--name", "other", "--root",
            "\(place.work.catalogue)/metadata/1.root.json")
        try place.sync()
        let answer = try place.pulled(image)
        let faults = faults(answer)
        #expect(faults.contains("wrong block") && faults.contains(other.url("").dropLast()), "\(faults)")
        #expect(!place.server.answers(layer).isEmpty && !other.answers(layer).isEmpty)
    }

    @Test func aDeltaThatIsNotWhatItsHintSaysIsNotUsed() throws {
        try place.pulled(image)
        let new = try place.publish(Blocks.new)
        let hints = try StrictJSON.decode(
            JSONValue.self, from: Array(try Data(contentsOf: URL(fileURLWithPath: try place.hints(new)))),
            source: "hints")
        let delta = try #require(try hints["deltas"]?[0]?["digest"]?.string.map { try Digest(parsing: $0) })
        try place.server.fail("lie blobs/sha256/\(delta.hex)")
        try place.sync()
        let faults = faults(try place.pulled(new))
        #expect(faults.contains("of the content sha256:") && faults.contains("by themselves"), "\(faults)")
    }

    /// Of the digest that a hostile catalogue says, and of any content.
    @Test func aHostileDeltaIsRefusedAndRangesTaken() throws {
        try place.pulled(image)
        let new = try place.publish(Blocks.new)
        let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let digest = BlobHash.digest(of: bytes)
        try Data(bytes).write(to: URL(fileURLWithPath: "\(place.work.catalogue)/blobs/sha256/\(digest.hex)"))
        let hint = #"{"from":"\#(try place.layer(image))","digest":"\#(digest)","size":3000}"#
        try Data(#"{"version":1,"deltas":[\#(hint)]}"#.utf8).write(to: URL(fileURLWithPath: try place.hints(new)))
        try place.sync()
        let answer = try place.pulled(new)
        #expect(faults(answer).contains("is refused"), "\(answer)")
    }

    @Test func hintsThatAreNoneCostNothingButTheDelta() throws {
        try place.pulled(image)
        let new = try place.publish(Blocks.new)
        try Data("{]".utf8).write(to: URL(fileURLWithPath: try place.hints(new)))
        try place.sync()
        let answer = try place.pulled(new)
        #expect(faults(answer).contains("deltas are not used"), "\(answer)")
    }

    @Test func aServerThatCutsIsAskedForTheRest() throws {
        try place.server.fail("cut \(layer)")
        let running = try pulling()
        try eventually(.seconds(30), "half of it") { !place.server.answers(layer).isEmpty }
        try place.server.fail()
        let result = try running.finish(within: .seconds(60))
        #expect(result.status == 0, "\(result.error)")
        try place.work.run("site", "image", "verify", image.description)
    }

    // MARK: Here

    /// What is taken from another image is looked at first.
    @Test func aDamagedBlockThatIsHereIsFetched() throws {
        try place.pulled(image)
        let other = try place.publish(Blocks.all((0..<Blocks.count).reversed()), as: "lhc/other:1@debian12")
        try place.sync()
        let blob = try place.store("site").path(of: try place.layer(image))
        try Workshop.run(
            "/bin/sh",
            ["-c", "chmod u+w \(blob) && printf X | dd of=\(blob) bs=1 seek=40960 conv=notrunc status=none"])
        let answer = try place.pulled(other)
        #expect(faults(answer).contains("damaged"), "\(answer)")
        #expect(place.server.answers("blobs/sha256/\(try place.layer(other).hex)").map(\.bytes) == [4096])
    }

    // MARK: Interruptions

    private func pulling(_ other: GridModel.Digest? = nil) throws -> Running {
        try place.work.home("site").start(
            ["image", "pull", (other ?? image).description, "--how", "ranges"], in: place.work.place.url)
    }

    @Test func killedPullsGoOnWhereTheyWere() throws {
        let image = try place.publish(Blocks.all(0..<4096), as: "lhc/large:1@debian12")
        let layer = "blobs/sha256/\(try place.layer(image).hex)"
        let partial = try place.store("site").partial(of: try place.layer(image))
        try place.sync()
        try place.server.fail("slow \(layer)")
        // Each is killed when more of it has come: a pull that began anew would never be done.
        let rounds: Int64 = Sojourn.isLong ? 30 : 8
        var came: Int64 = 0
        for round in 1...rounds {
            let running = try pulling(image)
            try eventually(.seconds(20), "more than \(came) bytes") {
                came = try FileStatus.ifPresent(partial).map { $0.blocks * 512 } ?? 0
                return came >= round * (12 << 20) / rounds
            }
            kill(running.pid, SIGKILL)
            _ = try running.finish(within: .seconds(10))
        }
        try place.pulled(image)
        // At most what was on its way is fetched again: the server sends 100 KB at once, and the last may be two of them.
        let bytes = place.server.answers(layer).reduce(0) { $0 + $1.bytes }
        #expect(bytes >= 16 << 20 && bytes <= 16 << 20 + rounds * 300_000, "\(bytes)")
        #expect(!FileManager.default.fileExists(atPath: partial))
    }

    @Test func aSynchronisationCompletesWhatWasInterrupted() throws {
        try place.server.fail("wait \(layer)")
        let running = try pulling()
        try eventually(.seconds(30), "its entry") { try !place.store("site").images().isEmpty }
        kill(running.pid, SIGKILL)
        _ = try running.finish(within: .seconds(10))
        try place.server.fail()
        try place.work.run("site", "site", "sync")
        try place.work.run("site", "image", "verify", image.description)
        #expect(FileManager.default.fileExists(atPath: try place.store("site").path(of: try place.layer(image))))
    }

    @Test func twoAtOnceFetchItOnce() throws {
        let both = try (0..<2).map { _ in try pulling() }
        for running in both {
            let result = try running.finish(within: .seconds(60))
            #expect(result.status == 0, "\(result.error)")
        }
        #expect(place.server.answers(layer).reduce(0) { $0 + $1.bytes } == Int64(Blocks.old.count))
    }

    @Test func aFullDiskIsSaidBeforehandAndSurvived() throws {
        let program = place.work.home("site").program
        let script = """
            mkdir small
            mount -t tmpfs -o size=200m,mode=700 none small
            export SOJOURN_HOME="$PWD/small"
            '\(program)' site trust \(place.server.url("")) --name lhc --root '\(place.work.catalogue)/metadata/1.root.json'
            '\(program)' site sync --no-images
            head -c 150M /dev/zero > small/filler
            '\(program)' image pull \(image) 2> before && echo unexpected
            grep -o 'make room there' before
            rm small/filler
            echo 'wait \(layer)' > '\(place.server.faultsPath)'
            '\(program)' image pull \(image) --quiet 2> during &
            timeout 20 sh -c "until ls small/images/partial/*; do sleep 0.05; done" >/dev/null 2>&1
            head -c 300M /dev/zero > small/filler
            : > '\(place.server.faultsPath)'
            wait $! && echo unexpected
            grep -o 'No space left' during
            rm small/filler
            '\(program)' image pull \(image) && '\(program)' image verify \(image) && echo complete
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-uc", script], directory: place.work.place.url,
            input: "", environment: [:]
        ).finish(within: .seconds(90))
        let said =
            "\(result.output)\(result.error)\(place.work.place.text("before"))\(place.work.place.text("during"))"
        for words in ["make room there", "No space left", "complete\n"] {
            #expect(result.output.contains(words), "\(words): \(said)")
        }
        #expect(!result.output.contains("unexpected"), "\(said)")
    }
}
