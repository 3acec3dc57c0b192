import Foundation
import Glibc
import Testing

@testable import ImageStore
@testable import KeyStore
@testable import Linux
@testable import Trust

@Suite struct KeyStoreTests {
    private struct Asked: Error {}

    private func withStore(_ body: (KeyStore) throws -> Void) throws {
        try TrustFixture.withDirectory { try body(KeyStore(home: try Home(at: "\($0)/home"))) }
    }

    private func name(_ text: String) throws -> KeyName { try KeyName(parsing: text) }

    private func fault(_ body: () throws -> Any) throws -> KeyStoreError {
        try #require(throws: KeyStoreError.self) { _ = try body() }
    }

    private func mode(_ path: String) -> UInt32 {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    private func neverAsked() throws -> Passphrase { throw Asked() }

    @Test func createdKeysAreListedAndSign() throws {
        try withStore { store in
            let plain = try store.create(name("site"), type: .p256, passphrase: nil)
            let secret = try store.create(name("Alice-2.x"), type: .ed25519, passphrase: Passphrase("secret"))
            #expect(!plain.isEncrypted && secret.isEncrypted)
            #expect(try store.keys() == [secret, plain])
            #expect(try store.key(name("site")) == plain)
            let key = try store.privateKey(name("site"), passphrase: neverAsked)
            #expect(key.publicKey == plain.publicKey && key.type == .p256)
            #expect(throws: Asked.self) { try store.privateKey(name("Alice-2.x"), passphrase: neverAsked) }
            #expect(throws: TrustError(.wrongPassphrase, "")) {
                try store.privateKey(name("Alice-2.x")) { try Passphrase("wrong") }
            }
            let opened = try store.privateKey(name("Alice-2.x")) { try Passphrase("secret") }
            #expect(opened.publicKey == secret.publicKey)
        }
    }

    @Test func privatePartsAreTheirOwnersAlone() throws {
        try withStore { store in
            let before = umask(0)
            defer { umask(before) }
            _ = try store.create(name("site"), type: .ed25519, passphrase: nil)
            let path = try store.path(of: name("site"))
            #expect(path == "\(store.directory)/site.pem" && mode(path) == 0o600)
            #expect(mode("\(store.directory)/site.pub") == 0o644)
            chmod(path, 0o640)
            let exposed = try fault { try store.privateKey(name("site"), passphrase: neverAsked) }
            #expect(exposed.code == .exposed && exposed.message.contains("chmod 600 \(path)"))
        }
    }

    @Test func takenNamesAreRefused() throws {
        try withStore { store in
            let first = try store.create(name("site"), type: .ed25519, passphrase: nil)
            let taken = try fault { try store.create(name("site"), type: .p256, passphrase: nil) }
            #expect(taken.code == .nameTaken && taken.message.contains("site.pem"))
            #expect(try fault { try store.create(.home, type: .ed25519, passphrase: nil) }.code == .nameTaken)
            #expect(try store.keys() == [first])
        }
    }

    @Test func unknownKeysNameTheNearest() throws {
        try withStore { store in
            _ = try store.create(name("site"), type: .ed25519, passphrase: nil)
            let unknown = try fault { try store.key(name("sites")) }
            #expect(unknown.code == .unknownKey && unknown.message.contains("did you mean site?"))
        }
    }

    @Test func namesStayInTheDirectory() throws {
        for text in ["", ".", "..", "../a", "a/b", "-a", ".a", "a b", "a\0", "ü", String(repeating: "a", count: 65)] {
            #expect(try fault { try KeyName(parsing: text) }.code == .invalidName)
        }
        #expect(try KeyName(parsing: "home") == .home)
    }

    @Test func strangersFilesAreNoKeys() throws {
        try withStore { store in
            try Files.write("x".utf8, to: "\(store.directory)/notes.txt")
            try Files.write("x".utf8, to: "\(store.directory)/a b.pem")
            #expect(try store.keys().isEmpty)
            try Files.write("x".utf8, to: "\(store.directory)/broken.pem", mode: 0o600)
            let broken = try TrustFixture.fault { try store.keys() }
            #expect(broken.code == .malformedKey && broken.message.contains("broken.pem"))
        }
    }

    @Test func lostPublicPartsComeBack() throws {
        try withStore { store in
            let plain = try store.create(name("plain"), type: .p256, passphrase: nil)
            let secret = try store.create(name("secret"), type: .p256, passphrase: Passphrase("secret"))
            for name in ["plain", "secret"] { try Files.remove("\(store.directory)/\(name).pub") }
            #expect(try store.key(name("plain")) == plain)
            #expect(Files.exists("\(store.directory)/plain.pub"))
            #expect(try store.key(name("secret")).publicKey == nil)
            _ = try store.privateKey(name("secret")) { try Passphrase("secret") }
            #expect(try store.key(name("secret")) == secret)
        }
    }

    @Test func exchangedPublicPartsAreRefused() throws {
        try withStore { store in
            _ = try store.create(name("site"), type: .ed25519, passphrase: nil)
            let other = PrivateKey.generate(.ed25519).publicKey
            try Files.write(other.pem.utf8, to: "\(store.directory)/site.pub")
            #expect(
                try fault { try store.privateKey(name("site"), passphrase: neverAsked) }.code == .mismatchedParts)
        }
    }
}

// MARK: - The home's own key

extension KeyStoreTests {
    @Test func homeKeyIsMadeOnce() throws {
        try withStore { store in
            let first = try store.homeKey()
            #expect(first.type == .ed25519 && mode(store.path(of: .home)) == 0o600)
            #expect(try store.homeKey().publicKey == first.publicKey)
            #expect(try store.keys() == [StoredKey(name: .home, publicKey: first.publicKey, isEncrypted: false)])
        }
    }

    @Test func manyAtOnceMakeOneHomeKey() throws {
        try withStore { store in
            let directory = store.directory
            let found = Found()
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                do {
                    let home = try Home(at: Files.parent(of: directory))
                    found.add(try KeyStore(home: home).homeKey().publicKey)
                } catch { Issue.record(error) }
            }
            #expect(found.keys.count == 8 && Set(found.keys).count == 1)
            let stored = try store.key(.home)
            #expect(stored.publicKey == found.keys.first)
        }
    }

    private final class Found: @unchecked Sendable {
        private let lock = NSLock()
        private(set) var keys: [PublicKey] = []
        func add(_ key: PublicKey) { lock.withLock { keys.append(key) } }
    }

    /// A killed creation leaves a public part of nothing, and half a temporary file.
    @Test func interruptedHomeKeysAreMended() throws {
        try withStore { store in
            let publicPath = "\(store.directory)/home.pub"
            try Files.write(PrivateKey.generate(.ed25519).publicKey.pem.utf8, to: publicPath)
            let left = "\(store.directory)/home.pem.4242.tmp"
            try Files.write("-----BEGIN PRIV".utf8, to: left)
            #expect(try store.keys().isEmpty)
            let key = try store.homeKey()
            #expect(try TrustFixture.read(publicPath) == Array(key.publicKey.pem.utf8))
            #expect(!Files.exists(left))
            try Files.remove(publicPath)
            #expect(try store.homeKey().publicKey == key.publicKey)
            #expect(try TrustFixture.read(publicPath) == Array(key.publicKey.pem.utf8))
        }
    }

    @Test func homeKeyNeverAsks() throws {
        try withStore { store in
            let encrypted = try EncryptedPrivateKey(.generate(.ed25519), passphrase: Passphrase("secret"))
            try Files.write(try encrypted.pem.utf8, to: store.path(of: .home), mode: 0o600)
            let refused = try fault { try store.homeKey() }
            #expect(refused.code == .encryptedHomeKey && refused.message.contains("openssl pkey"))
        }
    }
}

// MARK: - Typed passphrases

extension KeyStoreTests {
    @Test func typedPassphrasesAreNotShown() throws {
        let (master, slave) = try Terminal.openPair()
        let prompt = try #require(PassphrasePrompt(input: slave.raw, output: slave.raw))
        let answer = Answer()
        let thread = Thread { answer.set { try prompt.ask("Passphrase: ") } }
        thread.start()
        var shown: [UInt8] = []
        while !String(decoding: shown, as: UTF8.self).contains("Passphrase: ") {
            try #require(try Poll.wait(for: master.raw, until: .now + .seconds(10)))
            shown += try master.read(upTo: 1000) ?? []
        }
        try master.write(Array("hidden horse\n".utf8))
        #expect(try answer.wait() == Array("hidden horse".utf8))
        while try Poll.wait(for: master.raw, until: .now + .milliseconds(50)) {
            shown += try master.read(upTo: 1000) ?? []
        }
        #expect(!String(decoding: shown, as: UTF8.self).contains("horse"))
        var settings = termios()
        #expect(tcgetattr(slave.raw, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0)
    }

    @Test func aPipeIsNotAsked() throws {
        let (read, write) = try Descriptor.pipe()
        #expect(PassphrasePrompt(input: read.raw, output: write.raw) == nil)
    }

    private final class Answer: @unchecked Sendable {
        private let condition = NSCondition()
        private var result: Result<[UInt8], any Error>?

        func set(_ body: () throws -> [UInt8]) {
            let answer = Result { try body() }
            condition.withLock {
                result = answer
                condition.signal()
            }
        }

        func wait() throws -> [UInt8] {
            try condition.withLock {
                let deadline = Date(timeIntervalSinceNow: 10)
                while result == nil, condition.wait(until: deadline) {}
                return try #require(result).get()
            }
        }
    }
}
