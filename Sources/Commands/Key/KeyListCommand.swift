import ArgumentParser
import ImageStore
import KeyStore
import StrictJSON
import Trust

struct KeyListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys of the home.")

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let keys = try KeyStore(home: try home.open()).keys().map(KeyDescription.init)
        if json { return try Report.data(try StrictJSON.encode(keys, pretty: true)) }
        Output.table(
            ["NAME", "TYPE", "ID", "PASSPHRASE"],
            keys.map { [$0.name, $0.type?.rawValue ?? "-", $0.id?.hex ?? "-", $0.encrypted ? "yes" : "no"] })
    }
}

/// A line of `key list`, and what `key show` prints.
struct KeyDescription: Encodable {
    var name: String
    /// With `id` and `publicKey` nil where the public part was lost.
    var type: KeyType?
    var id: KeyID?
    /// Signing takes a passphrase.
    var encrypted: Bool
    /// In PEM.
    var publicKey: String?

    init(_ key: StoredKey) {
        name = key.name.description
        type = key.publicKey?.type
        id = key.publicKey?.id
        encrypted = key.isEncrypted
        publicKey = key.publicKey?.pem
    }
}
