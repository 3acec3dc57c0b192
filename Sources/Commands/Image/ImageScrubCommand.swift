import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Linux
import Settings
import StrictJSON

struct ImageScrubCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub", abstract: "Find what a disk has damaged, and fetch it again.",
        discussion: """
            Reads all that is stored of every image and kernel, as 'image verify' does, and mends what the catalogues and \
            mirrors that this site follows still have. For cron: 'sojourn image scrub --quiet'. Exits with 1 if anything was \
            damaged, mended or not.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(name: [.long, .short], help: "Say only what was damaged.")
    var quiet = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let progress = ProgressLine(isWanted: !quiet && !json)
        defer { progress.clear() }
        let damaged = try CataloguePlaces.with(try Configuration.read(store.home).site, environment: Host.variables) {
            places in
            try store.scrub(from: { places.all($0) }, patience: .seconds(20)) { progress.show("looking at \($0)") }
        }
        let faults = try store.verify(nil).faults
        progress.clear()
        let answer = Answer(damaged: damaged.map(Answer.Damage.init), stillDamaged: faults.map(\.description))
        if json { try Report.data(try StrictJSON.encode(answer, pretty: true)) } else { show(answer) }
        if !answer.isSound { throw ExitCode(1) }
    }

    private struct Answer: Encodable {
        struct Damage: Encodable {
            let name: String
            let digest: Digest
            let what: String
            /// Why it could not be fetched again; nil where it was.
            let fault: String?

            init(_ found: DamagedBlob) {
                name = found.owner
                digest = found.digest
                what = found.what
                fault = found.fault
            }
        }

        let damaged: [Damage]
        let stillDamaged: [String]

        var isSound: Bool { damaged.isEmpty && stillDamaged.isEmpty }
    }

    private func show(_ answer: Answer) {
        for found in answer.damaged {
            Report.error("\(found.what); \(found.fault.map { "not mended: \($0)" } ?? "fetched again")")
        }
        for fault in answer.stillDamaged { Report.error(fault) }
        if quiet, answer.isSound { return }
        print("found damaged: \(answer.damaged.count), still damaged: \(answer.stillDamaged.count)")
    }
}
