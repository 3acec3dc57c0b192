import GridModel
package import ImageStore
package import KeyStore
import Linux
package import Trust

/// The keys of this home that may sign for a catalogue.
package final class KeyRing {
    private let store: KeyStore
    private let passphrase: (KeyName) throws -> Passphrase
    /// Several drafts are signed with one key, whose passphrase is asked for once.
    private var opened: [KeyName: PrivateKey] = [:]

    /// `passphrase` is asked for keys that have one.
    package init(home: Home, passphrase: @escaping (KeyName) throws -> Passphrase) {
        store = KeyStore(home: home)
        self.passphrase = passphrase
    }

    /// A key that a person names: one of this home, or the file of a public key (`alice.pub`), whose name it then has.
    package func named(_ text: String) throws -> TUF.NamedKey {
        if text.hasSuffix(".pub") || text.contains("/") {
            let key = try PublicKey(pem: try Files.read(text, limit: 64 << 10), source: text)
            let file = Files.name(of: text)
            let name = try KeyName(parsing: file.hasSuffix(".pub") ? String(file.dropLast(4)) : file)
            return TUF.NamedKey(name: name.description, key: key)
        }
        return try named(try KeyName(parsing: text))
    }

    package func named(_ name: KeyName) throws -> TUF.NamedKey {
        if let key = try store.key(name).publicKey { return TUF.NamedKey(name: name.description, key: key) }
        return TUF.NamedKey(name: name.description, key: try open(name).publicKey)
    }

    package func has(_ name: KeyName) -> Bool { Files.exists(store.path(of: name)) }

    /// A key that signs without anybody there, made where there is none.
    package func unattended(_ name: KeyName) throws -> TUF.NamedKey {
        if has(name) {
            guard try !store.key(name).isEncrypted else {
                throw DistributionError(
                    .refused,
                    "the key \(name) has a passphrase, but nobody is there to type it when the catalogue is refreshed; "
                        + "give another one with --online-key")
            }
        } else {
            _ = try store.create(name, type: .ed25519, passphrase: nil)
        }
        return try named(name)
    }

    /// Those of this home's keys that have one of these ids.
    package func held(_ ids: [String]) throws -> [KeyName] {
        let ids = Set(ids)
        return try store.keys().filter { key in key.publicKey.map { ids.contains($0.id.hex) } ?? false }.map(\.name)
    }

    package func sign(_ draft: inout TUF.Draft, with names: [KeyName]) throws {
        for name in names { try draft.sign(with: try open(name)) }
    }

    private func open(_ name: KeyName) throws -> PrivateKey {
        if let key = opened[name] { return key }
        let key = try store.privateKey(name) { try passphrase(name) }
        opened[name] = key
        return key
    }
}
