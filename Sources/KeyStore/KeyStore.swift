import Glibc
import GridModel
package import ImageStore
import Linux
package import Trust

/// The keys of a home: `keys/NAME.pem`, private, mode 0600, and `keys/NAME.pub`.
///
/// A key exists where its private part does. That is written last, so that a killed creation leaves at most a public
/// part of nothing, which the next creation replaces; a public part that was lost is derived again.
package struct KeyStore: Sendable {
    /// `HOME/keys`.
    package let directory: String

    package init(home: Home) { directory = home.keys }

    /// Where the private part is or would be.
    package func path(of name: KeyName) -> String { "\(directory)/\(name).pem" }

    private func publicPath(of name: KeyName) -> String { "\(directory)/\(name).pub" }

    /// Refuses a name that is taken.
    package func checkIsFree(_ name: KeyName) throws {
        guard name != .home else {
            throw KeyStoreError(
                .nameTaken,
                "the name 'home' is kept for the home's own key, which is made at its first use; take another")
        }
        guard !Files.exists(path(of: name)) else {
            throw KeyStoreError(
                .nameTaken,
                "there is a key \(name) already: \(path(of: name)); take another name or move that file away")
        }
    }

    /// Makes a key, encrypted where there is a passphrase. A name that is taken is refused.
    package func create(_ name: KeyName, type: KeyType, passphrase: Passphrase?) throws -> StoredKey {
        let key = PrivateKey.generate(type)
        let pem = try passphrase.map { try EncryptedPrivateKey(key, passphrase: $0).pem } ?? key.pem
        try withLock {
            try checkIsFree(name)
            try write(pem, of: key, as: name)
        }
        return StoredKey(name: name, publicKey: key.publicKey, isEncrypted: passphrase != nil)
    }

    /// All keys, by name.
    package func keys() throws -> [StoredKey] { try names().map(key) }

    package func key(_ name: KeyName) throws -> StoredKey {
        let document = try document(name)
        let isEncrypted = if case .encrypted = document { true } else { false }
        if let stored = try storedPublicKey(name) {
            return StoredKey(name: name, publicKey: stored, isEncrypted: isEncrypted)
        }
        guard case .plain(let key) = document else {
            return StoredKey(name: name, publicKey: nil, isEncrypted: true)
        }
        try withLock { try writePublic(key.publicKey, as: name) }
        return StoredKey(name: name, publicKey: key.publicKey, isEncrypted: false)
    }

    /// The key to sign with. `passphrase` is called where it is encrypted, and only then.
    package func privateKey(_ name: KeyName, passphrase: () throws -> Passphrase) throws -> PrivateKey {
        let (key, isComplete) = try load(name, passphrase)
        if !isComplete { try withLock { try writePublic(key.publicKey, as: name) } }
        return key
    }

    /// The home's own key, Ed25519, made at first use. It has no passphrase, and nobody is ever asked.
    package func homeKey() throws -> PrivateKey {
        let passphrase: () throws -> Passphrase = {
            throw KeyStoreError(
                .encryptedHomeKey,
                "\(path(of: .home)): the home's own key signs without asking and has no passphrase; take that away "
                    + "(openssl pkey -in FILE -out NEW), or move the file away for a new key")
        }
        if Files.exists(path(of: .home)) { return try privateKey(.home, passphrase: passphrase) }
        return try withLock {
            // Somebody else may have made it while the lock was awaited.
            if Files.exists(path(of: .home)) { return try load(.home, passphrase).key }
            let key = PrivateKey.generate(.ed25519)
            try write(key.pem, of: key, as: .home)
            return key
        }
    }
}

// MARK: - Files

extension KeyStore {
    private static let largestFile = 64 << 10

    private func names() throws -> [KeyName] {
        try Files.list(directory).filter { $0.hasSuffix(".pem") }.compactMap {
            do { return try KeyName(parsing: String($0.dropLast(4))) } catch { return nil }
        }
    }

    private func document(_ name: KeyName) throws -> PrivateKeyDocument {
        let path = path(of: name)
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT else { throw SystemError.last("look at the key \(path)") }
            let hint = NearestNames.hint(for: name.description, among: try names().map(\.description))
            throw KeyStoreError(
                .unknownKey, "no key '\(name)' in \(directory): \(hint); make it with: sojourn key create \(name)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw KeyStoreError(
                .exposed,
                "\(path): others than its owner can read this private key; if somebody may have done so, make a new one, "
                    + "else: chmod 600 \(path)"
            )
        }
        return try PrivateKeyDocument(pem: try Files.read(path, limit: Self.largestFile), source: path)
    }

    private func storedPublicKey(_ name: KeyName) throws -> PublicKey? {
        let path = publicPath(of: name)
        guard Files.exists(path) else { return nil }
        return try PublicKey(pem: try Files.read(path, limit: Self.largestFile), source: path)
    }

    /// The key, and whether its public part is there.
    private func load(_ name: KeyName, _ passphrase: () throws -> Passphrase) throws -> (
        key: PrivateKey, isComplete: Bool
    ) {
        let key =
            switch try document(name) {
            case .plain(let key): key
            case .encrypted(let encrypted): try encrypted.decrypted(with: try passphrase())
            }
        let stored = try storedPublicKey(name)
        guard stored == nil || stored == key.publicKey else {
            throw KeyStoreError(
                .mismatchedParts,
                "\(publicPath(of: name)) is not the public part of \(path(of: name)): somebody changed one of them; "
                    + "if it is the public one, remove it, and it will be made anew")
        }
        return (key, stored != nil)
    }

    /// Under the lock.
    private func write(_ pem: String, of key: PrivateKey, as name: KeyName) throws {
        // Interrupted writes may have left parts of private keys. Under the lock nobody else is writing.
        for name in try Files.list(directory) where name.hasSuffix(".tmp") { try Files.remove("\(directory)/\(name)") }
        try writePublic(key.publicKey, as: name)
        try Files.write(pem.utf8, to: path(of: name), mode: 0o600)
    }

    private func writePublic(_ key: PublicKey, as name: KeyName) throws {
        try Files.write(key.pem.utf8, to: publicPath(of: name), mode: 0o644)
    }

    /// Runs `body` while no other process writes keys of this home.
    private func withLock<Result>(_ body: () throws -> Result) throws -> Result {
        let lock = try FileLock.wait("\(directory)/.lock")
        return try withExtendedLifetime(lock) { try body() }
    }
}
