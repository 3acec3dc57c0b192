import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Machine

struct EndorseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endorse", abstract: "Draft the endorsement of an image or kernel, or sign a draft.",
        discussion: """
            sojourn endorse lhc/pythia8:8.317.2@debian12 --until 90d --catalogue DIR
            sojourn endorse --sign DRAFT

            The first makes the next draft of the experiment's role, or adds to the one that waits for signatures, and signs \
            it with the role's keys in this home. The second adds a signature on any machine that holds a key of the role: \
            it prints what is being signed, and with --catalogue what that changes. A kernel is endorsed by its own name, \
            in the role 'os', as systems are.
            """)

    @Argument(help: "An environment, a kernel's name, a digest, or at least 8 digits of one.")
    var reference: String?

    @Option(name: .customLong("as"), help: ArgumentHelp("What it must be, or it is refused.", valueName: "environment"))
    var name: String?

    @Option(help: ArgumentHelp("Until when.", discussion: Term.form))
    var until: Term?

    @Option(help: ArgumentHelp("Sign this draft.", valueName: "file"), completion: .file())
    var sign: String?

    @Option(help: ArgumentHelp("With --sign: the key, by default all of this home's that may.", valueName: "name"))
    var key: String?

    @Option(help: ArgumentHelp("The catalogue's directory.", valueName: "dir"), completion: .directory)
    var catalogue: String?

    @Option(help: ArgumentHelp("When the role expires; by default in a year.", discussion: Term.form))
    var expires: Term?

    @Flag(help: "Make the draft without signing it.")
    var noSign = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func validate() throws {
        if sign != nil {
            if reference != nil || until != nil || name != nil {
                throw ValidationError("--sign signs a draft as it is; leave the image, --as and --until out")
            }
        } else if reference == nil || until == nil || catalogue == nil {
            throw ValidationError("give an image with --until and --catalogue, or a draft with --sign")
        } else if key != nil {
            throw ValidationError("--key goes with --sign")
        }
    }

    func run() throws {
        let store = try home.store()
        let keys = KeyRing(home: store.home) { try passphrase.passphrase(for: $0) }
        if let sign {
            return try DraftSigning(path: sign, key: key, catalogue: catalogue, keys: keys).run(asJSON: json)
        }
        guard let reference, let until, let catalogue = catalogue.map(Catalogue.init(at:)) else { return }
        let now = Timestamp.now
        let drafting = try Drafting(
            catalogue, keys: keys, now: now, expires: expires?.end(from: now), signs: !noSign)
        let subject = try EndorsedArtifact(reference, as: name, store)
        let made = try drafting.endorse(subject.subject, until: until.end(from: now))
        if let kernel = subject.kernel, try !drafting.published.endorses(kernel, now: now) {
            Report.line(
                "sojourn: its kernel \(kernel) is not endorsed in this catalogue, and sites will not start it: "
                    + "sojourn endorse \(kernel.short) --until TIME --catalogue \(catalogue.directory)")
        }
        try DraftReport([made], drafting.published).show(catalogue, asJSON: json)
    }
}
