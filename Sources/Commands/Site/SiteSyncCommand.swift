import ArgumentParser
import Distribution
import GridModel
import HTTPTransport
import ImageLists
import ImageStore
import Linux
import Machine
import Settings
import StrictJSON

struct SiteSync: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Bring catalogues and image lists up to date, and fetch images.",
        discussion: """
            Fetched are the newest images that may run here of every environment that this home has one of; --all fetches \
            those of every environment, --no-images none, whichever catalogues are named. Returns 1 where a catalogue or an \
            image could not be brought up to date: what was known of it stays as it was.
            """)

    @OptionGroup var home: HomeOptions
    @Argument(help: "Only these catalogues and image lists.") var names: [String] = []
    @Flag(name: .long, help: "Fetch the newest image of every environment.") var all = false
    @Flag(name: .long, inversion: .prefixedNo, help: "Fetch images.") var images = true
    @Flag(name: .long, help: "As JSON.") var json = false
    @Flag(name: [.long, .short], help: "Say only what went wrong.") var quiet = false

    struct Answer: Encodable {
        struct Source: Encodable {
            let name: String
            var images = 0
            var added: [String] = []
            var removed: [String] = []
            var expires: Timestamp?
            var warnings: [String] = []
            var error: String?
        }

        var sources: [Source] = []
        var fetched: [String] = []
        /// Images that could not be fetched, and why.
        var failed: [String] = []
        /// What was not as it should be where images came from, and was made good.
        var noted: [String] = []
    }

    func run() throws {
        let home = try home.open()
        let settings = try Configuration.read(home).site
        let known = settings.catalogues.map(\.name) + settings.imageLists.map(\.name)
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw ValidationError(
                "no catalogue or image list '\(unknown)': \(NearestNames.hint(for: unknown, among: known))")
        }
        if known.isEmpty {
            Report.line("sojourn: nothing is trusted here yet: sojourn site trust --help says how")
        }
        let progress = ProgressLine(isWanted: !quiet && !json)
        defer { progress.clear() }
        var answer = Answer()
        try HTTPTransport.with(environment: Host.variables) { transport in
            let work = SiteUpdate(home: home, settings: settings, transport: transport, now: .now, show: progress.show)
            for source in settings.catalogues where names.isEmpty || names.contains(source.name) {
                answer.sources.append(work.update(source))
            }
            for source in settings.imageLists where names.isEmpty || names.contains(source.name) {
                answer.sources.append(work.update(source))
            }
            if images { (answer.fetched, answer.failed, answer.noted) = try work.fetch(all: all) }
        }
        progress.clear()
        if json { try Report.data(try StrictJSON.encode(answer, pretty: true)) } else { show(answer) }
        if !answer.failed.isEmpty || answer.sources.contains(where: { $0.error != nil }) { throw ExitCode(1) }
    }

    private func show(_ answer: Answer) {
        for source in answer.sources {
            if let error = source.error { Report.error("\(source.name): \(error)") }
            for warning in source.warnings { Report.line("sojourn: \(source.name): \(warning)") }
            if quiet || source.error != nil { continue }
            print(
                "\(source.name): \(source.images.counted("image"))\(source.expires.map { ", holds until \($0)" } ?? "")"
            )
            for name in source.added { print("  new      \(name)") }
            for name in source.removed { print("  gone     \(name)") }
        }
        for fault in answer.noted { Report.line("sojourn: \(fault)") }
        for failure in answer.failed { Report.error("could not fetch \(failure)") }
        if !quiet { for name in answer.fetched { print("  fetched  \(name)") } }
    }
}
