import Foundation
import Testing

@testable import Trust

/// What the tests of keys share: published keys, a scratch directory, and the reference tool.
enum TrustFixture {
    /// RFC 8032, section 7.1, test 2, as PKCS#8.
    static let rfc8032 = pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7")
    /// The key of DSSE's own example (protocol.md, "Test Vectors").
    static let dsse = pem(
        "PRIVATE KEY",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1z7EN/1jRuNhnF6/",
        "3/8PaRaASVWtMqyaxJKw7eH2/7ehRANCAARnzTkPd6o1nLCMIjX2UicEk6ntgysK",
        "vMAfcJVMA5DSOAx4K9VOJpElpE9EM6/xQyzpThK8pzqmesgM6hJgjd90")

    static func pem(_ label: String, _ lines: String...) -> String {
        "-----BEGIN \(label)-----\n\(lines.joined(separator: "\n"))\n-----END \(label)-----\n"
    }

    /// An unencrypted key.
    static func key(_ pem: String) throws -> PrivateKey {
        guard case .plain(let key) = try document(pem) else { throw TrustError(.malformedKey, "an encrypted key") }
        return key
    }

    static func document(_ pem: String) throws -> PrivateKeyDocument {
        try PrivateKeyDocument(pem: Array(pem.utf8), source: "test")
    }

    static func publicKey(_ pem: String) throws -> PublicKey {
        try PublicKey(pem: Array(pem.utf8), source: "test")
    }

    static func bytes(hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    static func fault(_ body: () throws -> Any) throws -> TrustError {
        try #require(throws: TrustError.self) { _ = try body() }
    }

    /// A directory that is gone after `body`.
    @discardableResult
    static func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = FileManager.default.temporaryDirectory.path + "/trust-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer {
            do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) }
        }
        return try body(path)
    }

    static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    /// Runs `openssl` in `directory`: its status, and all that it wrote.
    static func openssl(_ arguments: String..., in directory: String) throws -> (status: Int32, text: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}

/// Just enough DER to write what no tool would.
enum TestDER {
    static func node(_ tag: UInt8, _ content: [UInt8]...) -> [UInt8] {
        let content = content.flatMap { $0 }
        precondition(content.count < 1 << 16)
        let length: [UInt8] =
            switch content.count {
            case ..<128: [UInt8(content.count)]
            case ..<256: [0x81, UInt8(content.count)]
            default: [0x82, UInt8(content.count >> 8), UInt8(content.count & 255)]
            }
        return [tag] + length + content
    }

    static func sequence(_ nodes: [UInt8]...) -> [UInt8] { node(0x30, nodes.flatMap { $0 }) }
    static func octets(_ bytes: [UInt8]) -> [UInt8] { node(0x04, bytes) }
    static func identifier(_ hex: String) -> [UInt8] { node(0x06, TrustFixture.bytes(hex: hex)) }

    static func integer(_ value: Int) -> [UInt8] {
        let bytes = withUnsafeBytes(of: value.bigEndian, Array.init).drop { $0 == 0 }
        return node(0x02, (bytes.first ?? 128) < 128 ? Array(bytes) : [0] + bytes)
    }

    static let pbes2 = "2a864886f70d01050d"
    static let pbkdf2 = "2a864886f70d01050c"
    static let scrypt = "2b06010401da47040b"
    static let sha256 = "2a864886f70d0209"
    static let aes256 = "60864801650304012a"

    /// An encrypted private key with this key derivation.
    static func encryptedKey(
        scheme: String = pbes2, _ derivation: String, _ parameters: [UInt8]..., cipher: String = aes256,
        vector: Int = 16, ciphertext: Int = 64
    ) -> String {
        let kdf = sequence(identifier(derivation), node(0x30, parameters.flatMap { $0 }))
        let encryption = sequence(identifier(cipher), octets([UInt8](repeating: 1, count: vector)))
        let der = sequence(
            sequence(identifier(scheme), sequence(kdf, encryption)), octets([UInt8](repeating: 2, count: ciphertext)))
        return TrustFixture.pem(
            "ENCRYPTED PRIVATE KEY", Data(der).base64EncodedString(options: .lineLength64Characters))
    }
}
