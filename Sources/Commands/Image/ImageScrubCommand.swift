import ArgumentParser
import Distribution
import ImageStore
import Linux
import Settings

struct ImageScrubCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub", abstract: "Find what a disk has damaged, and fetch it again.",
        discussion: """
            Reads all that is stored of every image and kernel, as 'image verify' does, and mends what the catalogues and mirrors that \
            this site follows still have. For cron. Exits with 1 if anything was damaged, mended or not.
            """)

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let progress = ProgressLine(isWanted: true)
        defer { progress.clear() }
        let damaged = try CataloguePlaces.with(try Configuration.read(store.home).site, environment: Host.variables) {
            places in
            try store.scrub(from: { places.all($0) }, patience: .seconds(20)) { progress.show("looking at \($0)") }
        }
        let faults = try store.verify(nil).faults
        progress.clear()
        for found in damaged {
            Report.error("\(found.what); \(found.fault.map { "not mended: \($0)" } ?? "fetched again")")
        }
        for fault in faults { Report.error("\(fault)") }
        print("found damaged: \(damaged.count), still damaged: \(faults.count)")
        if !damaged.isEmpty || !faults.isEmpty { throw ExitCode(1) }
    }
}
