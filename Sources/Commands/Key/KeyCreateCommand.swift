import ArgumentParser
import ImageStore
import KeyStore
import Trust

struct KeyCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a key.",
        discussion: """
            The private part is kept in the home, under a passphrase unless --no-passphrase is given. The last line of \
            standard output is the key's id.
            """)

    @Argument(help: "A name for the key.")
    var name: String

    @Option(help: "The type: ed25519 or p256.")
    var type: KeyType = .ed25519

    @Flag(help: "Leave the private part without a passphrase.")
    var noPassphrase = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func validate() throws {
        if noPassphrase && passphrase.passphraseFile != nil {
            throw ValidationError("--no-passphrase and --passphrase-file exclude each other; give one of them")
        }
    }

    func run() throws {
        let name = try KeyName(parsing: name)
        let store = KeyStore(home: try home.open())
        try store.checkIsFree(name)
        let key = try store.create(
            name, type: type, passphrase: noPassphrase ? nil : try passphrase.newPassphrase(for: name))
        Report.line("sojourn: the private key is \(store.path(of: name)); keep a copy of it in a safe place")
        if let publicKey = key.publicKey { print(publicKey.id) }
    }
}

extension KeyType: ExpressibleByArgument {}
