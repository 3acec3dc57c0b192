import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Linux
import Machine
import StrictJSON
import Trust

struct CataloguePublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Put signed drafts into effect.",
        discussion: """
            Copies the images that the drafts endorse into the catalogue, then replaces what is signed: clients see all of \
            the drafts, or none. What was interrupted is completed by repeating it. A draft is refused that is stale, that \
            too few have signed, that has expired, or whose images are neither in the catalogue nor in this home. For sites \
            that have an earlier image of the same software and system, deltas are written, which takes about a second for each \
            megabyte that is new.
            """)

    @Argument(help: "The drafts.", completion: .file())
    var drafts: [String]

    @Option(help: ArgumentHelp("The catalogue's directory.", valueName: "dir"), completion: .directory)
    var catalogue: String

    @OptionGroup var lifetimes: LifetimeOptions

    @Option(
        help: ArgumentHelp(
            "Refuse images that fewer rebuilders have rebuilt; an experiment may require more.", valueName: "count"))
    var requireRebuilds = 0

    @Option(
        help: ArgumentHelp(
            "Write deltas to each new image from so many earlier ones of the same software, whatever their version.",
            valueName: "number"))
    var deltas = 2

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Show no progress.")
    var quiet = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func validate() throws {
        guard (0...64).contains(deltas) else { throw ValidationError("--deltas takes a number from 0 to 64") }
    }

    func run() throws {
        let store = try home.store()
        let keys = KeyRing(home: store.home) { try passphrase.passphrase(for: $0) }
        let line = ProgressLine(isWanted: !quiet)
        defer { line.clear() }
        let publication = Publication(
            Catalogue(at: catalogue), keys: keys, store: store, now: .now, lifetimes: lifetimes.lifetimes,
            requiredRebuilds: requireRebuilds, deltas: deltas
        ) { line.show($0) }
        let result = try publication.publish(
            drafts.map { try TUF.Draft(decoding: try Files.read($0, limit: TUF.Limit.targets), source: $0) })
        line.clear()
        if !result.unchanged.isEmpty {
            let all = result.unchanged.map { "\($0.role) \($0.version)" }.joined(separator: ", ")
            Report.line("sojourn: published already: \(all)")
        }
        try PublicationReport(result).show(asJSON: json)
    }
}

struct CatalogueRefreshCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "Sign the snapshot and the timestamp anew, for longer.",
        discussion:
            "To be run regularly, for example every day by cron: clients refuse a catalogue whose timestamp is old.")

    @Argument(help: "The catalogue's directory.", completion: .directory)
    var directory: String

    @OptionGroup var lifetimes: LifetimeOptions

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let keys = KeyRing(home: store.home) { try passphrase.passphrase(for: $0) }
        let publication = Publication(
            Catalogue(at: directory), keys: keys, store: store, now: .now, lifetimes: lifetimes.lifetimes)
        try PublicationReport(try publication.refresh()).show(asJSON: json)
    }
}
