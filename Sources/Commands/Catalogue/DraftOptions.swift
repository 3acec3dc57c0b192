import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Machine
import StrictJSON
import Trust

/// What all commands that make drafts have in common.
struct DraftOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The catalogue's directory.", valueName: "dir"), completion: .directory)
    var catalogue: String

    @Option(
        help: ArgumentHelp("When the signed metadata expires; by default in a year.", discussion: Term.form))
    var expires: Term?

    @Flag(help: "Make the draft without signing it.")
    var noSign = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func keys(_ home: Home) -> KeyRing { KeyRing(home: home) { try passphrase.passphrase(for: $0) } }

    /// Makes drafts in the home, and tells who must sign them.
    func make(_ home: Home, _ body: (Drafting, KeyRing) throws -> [Drafting.Made]) throws {
        let (catalogue, keys) = (Catalogue(at: catalogue), keys(home))
        let now = Timestamp.now
        let drafting = try Drafting(
            catalogue, keys: keys, now: now, expires: expires?.end(from: now), signs: !noSign)
        let made = try body(drafting, keys)
        try DraftReport(made, drafting.published).show(catalogue, asJSON: json)
    }
}

/// The drafts that a command made: their files, who signed them, and what is to be done next.
struct DraftReport {
    private struct Row: Encodable {
        let draft: String
        let state: DraftState
    }

    private let rows: [Row]
    private let voided: Int

    init(_ made: [Drafting.Made], _ published: PublishedCatalogue?) throws {
        rows = zip(made.map(\.path), try DraftState.of(made.map(\.draft), published)).map { Row(draft: $0, state: $1) }
        voided = made.reduce(0) { $0 + $1.voids.count }
    }

    var isComplete: Bool { rows.allSatisfy(\.state.isComplete) }

    func show(_ catalogue: Catalogue, asJSON json: Bool) throws {
        if voided > 0 {
            Report.line(
                "sojourn: a draft that waited for signatures was changed: \(voided) signature(s) of before are void")
        }
        rows.forEach(Self.tell)
        let files = rows.map(\.draft).joined(separator: " ")
        if isComplete {
            Report.line("sojourn: publish: sojourn catalogue publish \(files) --catalogue \(catalogue.directory)")
        }
        if json { return try Report.data(try StrictJSON.encode(rows, pretty: true)) }
        for row in rows { print(row.draft) }
    }

    private static func tell(_ row: Row) {
        let state = row.state
        let by = state.signed.isEmpty ? "not signed yet" : "signed by \(state.signed.joined(separator: ", "))"
        Report.line("sojourn: \(state.role), version \(state.version): \(by)")
        guard !state.isComplete else { return }
        Report.line(
            "sojourn: \(state.needed) more must sign, of \(state.missing.joined(separator: ", ")): where their keys are: "
                + "sojourn endorse --sign \(row.draft)")
    }
}
