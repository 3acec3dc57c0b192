import Foundation
import GridModel
import StrictJSON
import Testing

/// A disk without room and a place that dies, under machines whose image arrives.
@Suite struct ArrivalFaultTests {
    private let system: EndorsedSystem
    private var work: CataloguePlace { system.work }

    init() throws { system = try EndorsedSystem() }

    /// The home's disk has room for a part of the filesystem only. Afterwards what came is not asked for again.
    @Test func aFullDiskEndsTheRunInWordsAndWhatCameStays() throws {
        let layer = try system.layer()
        let program = work.home("site").program
        let script = """
            mkdir small
            mount -t tmpfs -o size=300m,mode=755 none small
            export SOJOURN_HOME="$PWD/small"
            '\(program)' site trust \(system.server.url("")) --name lhc --root '\(work.catalogue)/metadata/1.root.json'
            '\(program)' site sync --no-images
            echo 'wait \(layer.path)' > '\(system.server.faultsPath)'
            '\(program)' run --os debian12 --scratch 64MiB -- sh -c 'cat /usr/bin/* /usr/lib/*/* | md5sum' 2> during &
            job=$!
            while kill -0 $job && ! test -e small/images/partial/\(layer.digest.hex); do sleep 0.05; done
            free=$(df --output=avail -k small | tail -1)
            head -c $(( (free - 16000) * 1024 )) /dev/zero > small/filler
            : > '\(system.server.faultsPath)'
            wait $job; echo "ended $?"
            echo "came $(du -k small/images/partial/\(layer.digest.hex) | cut -f1)"
            rm small/filler
            '\(program)' run --os debian12 --scratch 64MiB -- sh -c "\(EndorsedSystem.reading)"
            '\(program)' image pull os/debian12 --quiet && '\(program)' image verify && echo complete
            """
        let result = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-uc", script], directory: work.place.url,
            input: "", environment: [:]
        ).finish(within: .seconds(240))
        let said = "\(result.output)\(result.error)\(work.place.text("during"))"
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(lines.contains("ended 125") && lines.last == "complete", "\(said)")
        #expect(work.place.text("during").contains("No space left"), "\(said)")
        #expect(try result.output.contains(EndorsedSystem.whatItReads()), "\(said)")
        let came = try #require(lines.first { $0.hasPrefix("came ") }.flatMap { Int64($0.dropFirst(5)) }) * 1024
        let moved = try system.server.log().filter { $0.path == layer.path }.reduce(0) { $0 + Int64($1.bytes) }
        // Again comes what was on its way, four requests, when there was no more room.
        let way: Int64 = 4 << 19
        #expect(came > 3 * way && moved <= layer.size + way, "\(came), \(moved) of \(layer.size)")
    }

    /// Long, for a machine waits two minutes before it is said to wait in vain.
    @Test(.enabled(if: Sojourn.isLong)) func aPlaceThatDiesUnderAMachineEndsItAfterTwoMinutes() throws {
        try system.follow("site")
        let layer = try system.layer()
        let machine = try system.start("site", "echo up; read line; \(EndorsedSystem.reading); exit 0", input: nil)
        try eventually(.seconds(120), "a block") {
            try system.server.log().contains { $0.path == layer.path }
        }
        try system.server.stop()
        let stopped = ContinuousClock.now
        try machine.send("on\n")
        let result = try machine.finish(within: .seconds(400))
        let waited = ContinuousClock.now - stopped
        #expect(result.status == 125, "\(result.output)\(result.error)")
        #expect(result.error.contains(layer.digest.description), "\(result.error)")
        #expect(try result.record()["outcome"]?["kind"]?.string == "image-unavailable")
        #expect(waited > .seconds(115) && waited < .seconds(180), "\(waited)")
    }
}
