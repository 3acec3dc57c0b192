import ArgumentParser
import ImageStore
import KeyStore
import StrictJSON
import Trust

struct KeyShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one key: its type, its id, its public part.")

    @Argument(help: "The key's name; 'home' is the home's own key.")
    var name: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var passphrase: PassphraseOptions
    @OptionGroup var home: HomeOptions

    func run() throws {
        let name = try KeyName(parsing: name)
        let store = KeyStore(home: try home.open())
        var key = try store.key(name)
        if key.publicKey == nil {
            _ = try store.privateKey(name) { try passphrase.passphrase(for: name) }
            key = try store.key(name)
        }
        let description = KeyDescription(key)
        if json { return try Report.data(try StrictJSON.encode(description, pretty: true)) }
        Output.fields([
            ("name", description.name), ("type", description.type?.rawValue ?? "-"),
            ("id", description.id?.hex ?? "-"), ("passphrase", description.encrypted ? "yes" : "no"),
            ("private key", store.path(of: name)),
        ])
        print(description.publicKey ?? "", terminator: "")
    }
}
