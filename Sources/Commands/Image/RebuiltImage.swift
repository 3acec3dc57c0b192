import Attestation
import GridModel
import ImageFactory
import ImageFormat
import ImageStore
import KeyStore
import Linux
import Machine
import Trust

/// States that an image was rebuilt here.
struct RebuiltImage {
    private let store: ImageStore
    private let name: KeyName
    private let key: PrivateKey

    /// Opens the key at once: a build is long, and somebody may have to type a passphrase.
    /// - Parameter key: of this home; nil: the home's own.
    init(store: ImageStore, key: String?, _ passphrase: PassphraseOptions) throws {
        let keys = KeyStore(home: store.home)
        let name = try key.map { try KeyName(parsing: $0) } ?? .home
        self.store = store
        self.name = name
        self.key = try name == .home ? keys.homeKey() : keys.privateKey(name) { try passphrase.passphrase(for: name) }
    }

    /// Signs that `source` was rebuilt just now, every bit of it; attaches that to the image, so that it travels with it, and
    /// writes it into a file too.
    func state(_ source: RebuildSource, _ result: RebuildResult, to file: String?) throws {
        precondition(result.isIdentical, "only what is identical is stated")
        let statement = try RebuildStatement(
            .init(name: source.name, digest: source.digest), source.manifest, tools: result.tools, at: .now,
            version: Program.version, signedBy: key)
        if let file { try Files.write(statement.bytes, to: file) }
        try store.attach(
            statement.bytes, mediaType: MediaType.envelope, artifactType: MediaType.envelope, to: source.digest,
            annotations: [Annotation.predicateType: Rebuild.type])
        Report.line("sojourn: signed with \(name) that \(source.name) was rebuilt here\(file.map { ": \($0)" } ?? "")")
    }

    /// Makes an endorsed image from its documents, with packages from where this host's apt gets them, takes it into the
    /// store if every bit is the endorsed one, and states that.
    func take(
        _ source: RebuildSource, with factory: Factory, inputs: String?, to file: String?,
        show: @escaping (String) -> Void
    ) throws {
        try state(source, try factory.take(source, inputs: inputs, show: show), to: file)
    }
}
