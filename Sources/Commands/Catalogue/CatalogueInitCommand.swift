import ArgumentParser
import Distribution
import GridModel
import ImageStore
import KeyStore
import Machine
import Trust

struct CatalogueInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Begin a catalogue.",
        discussion: """
            Root keys appoint everybody else: keep them off line, and have more of them than must sign. Without --root-key \
            one named 'root' is made in this home. The online key signs what is made anew every day, and has no passphrase.

            Where enough root keys are here the catalogue is published at once; else its drafts must be signed first, and \
            then published. The last line of standard output is the fingerprint that sites compare, or the drafts.
            """)

    @Argument(help: "A new or empty directory, which a web server will serve.", completion: .directory)
    var directory: String

    @Option(help: ArgumentHelp("A key of this home, or a .pub file; may be repeated.", valueName: "key"))
    var rootKey: [String] = []

    @Option(help: ArgumentHelp("How many root keys must sign; by default more than half.", valueName: "count"))
    var rootThreshold: Int?

    @Option(help: ArgumentHelp("The key of this home that signs snapshots.", valueName: "name"))
    var onlineKey = "online"

    @Option(help: ArgumentHelp("When root and targets expire; by default in a year.", discussion: Term.form))
    var expires: Term?

    @Flag(help: "Leave a root key that is made here without a passphrase.")
    var noPassphrase = false

    @Flag(help: "Make the drafts without signing them.")
    var noSign = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let catalogue = Catalogue(at: directory)
        guard !catalogue.isPublished else {
            throw ValidationError("\(directory) is a catalogue already; see: sojourn catalogue show \(directory)")
        }
        let keys = KeyRing(home: store.home) { try passphrase.passphrase(for: $0) }
        let online = try KeyName(parsing: onlineKey)
        let named = try rootKey.isEmpty ? [ownRoot(keys, store.home)] : rootKey.map { try keys.named($0) }
        let offline = try TUF.RoleKeys(named, threshold: rootThreshold ?? named.count / 2 + 1)
        let now = Timestamp.now
        let made = try Drafting.begin(
            catalogue, keys: keys, offline: offline, online: try keys.unattended(online),
            expires: (expires ?? .span(WallTime(seconds: Drafting.year))).end(from: now), signs: !noSign)
        let report = try DraftReport(made, nil)
        guard report.isComplete else { return try report.show(catalogue, asJSON: false) }
        _ = try Publication(catalogue, keys: keys, store: store, now: now).publish(made.map(\.draft))
        Report.line("sojourn: \(directory) is a catalogue; keep the root's private key off line, and copies of it")
        if let fingerprint = try catalogue.published().fingerprint { print(fingerprint) }
    }

    private func ownRoot(_ keys: KeyRing, _ home: Home) throws -> TUF.NamedKey {
        let name = try KeyName(parsing: "root")
        if !keys.has(name) {
            _ = try KeyStore(home: home).create(
                name, type: .ed25519, passphrase: noPassphrase ? nil : try passphrase.newPassphrase(for: name))
        }
        return try keys.named(name)
    }
}
