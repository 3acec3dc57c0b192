import ArgumentParser
import KeyStore
import Linux
import Trust

/// Where the passphrase of a key comes from: the flag over the environment over the terminal.
struct PassphraseOptions: ParsableArguments {
    static let variable = "SOJOURN_KEY_PASSPHRASE"

    @Option(
        help: ArgumentHelp(
            "A file whose first line is the key's passphrase.",
            discussion: "By default $SOJOURN_KEY_PASSPHRASE, else the terminal is asked.", valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    /// Opens the key `name`.
    func passphrase(for name: KeyName) throws -> Passphrase {
        if let given = try given() { return given }
        return try Passphrase(try prompt(for: name, remedy: "").ask("Passphrase of the key \(name): "))
    }

    /// For a key that is about to be made: typed twice.
    func newPassphrase(for name: KeyName) throws -> Passphrase {
        if let given = try given() { return given }
        let prompt = try prompt(for: name, remedy: ", or --no-passphrase for a key without one")
        let typed = try prompt.ask("Passphrase for the new key \(name): ")
        let passphrase = try Passphrase(typed)
        guard try prompt.ask("Once more: ") == typed else {
            throw TrustError(.invalidPassphrase, "the two passphrases differ; no key was made; try again")
        }
        return passphrase
    }

    private func given() throws -> Passphrase? {
        if let passphraseFile {
            let bytes = try Files.readStream(passphraseFile, limit: 64 << 10)
            let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
            return try Passphrase(Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line))
        }
        return try Host.variable(Self.variable).map { try Passphrase($0) }
    }

    private func prompt(for name: KeyName, remedy: String) throws -> PassphrasePrompt {
        guard let prompt = PassphrasePrompt() else {
            throw ValidationError(
                "the key \(name) needs a passphrase, and standard input is no terminal to ask at; give "
                    + "--passphrase-file or \(Self.variable)\(remedy)")
        }
        return prompt
    }
}
