package import Trust

/// A key of the home, as far as it is known without its passphrase.
package struct StoredKey: Equatable, Sendable {
    package let name: KeyName
    /// Nil where the public part was lost and the private one is encrypted: it comes back when the key is next used.
    package let publicKey: PublicKey?
    /// A passphrase is needed to sign.
    package let isEncrypted: Bool
}
