/// What opens an encrypted key: any bytes that can be typed in one line. They reach the key derivation as they are, as
/// OpenSSL does it.
package struct Passphrase: Sendable {
    /// The longest that `openssl` reads.
    package static let longest = 1023

    let bytes: [UInt8]

    package init(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else {
            throw TrustError(
                .invalidPassphrase,
                "the passphrase is empty; give one, or --no-passphrase for a key that only its file's mode protects"
            )
        }
        guard bytes.count <= Self.longest, !bytes.contains(where: { [0, 10, 13].contains($0) }) else {
            throw TrustError(
                .invalidPassphrase,
                "the passphrase is longer than \(Self.longest) bytes, or has more than one line; give a shorter one")
        }
        self.bytes = bytes
    }

    package init(_ text: String) throws { try self.init(Array(text.utf8)) }
}

extension Passphrase: CustomStringConvertible, CustomReflectable {
    /// Never the passphrase itself.
    package var description: String { "(a passphrase)" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
