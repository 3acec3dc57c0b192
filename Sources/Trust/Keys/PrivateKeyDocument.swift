import FoundationEssentials
import SwiftASN1

/// A private key as a file holds it.
package enum PrivateKeyDocument: Sendable {
    case plain(PrivateKey)
    case encrypted(EncryptedPrivateKey)

    /// Reads PKCS#8 in PEM, encrypted or not. `source` names it in messages.
    package init(pem: [UInt8], source: String) throws {
        self = try TrustError.naming(source) {
            let document = try PEM.read(pem)
            switch document.discriminator {
            case PEM.privateKey: return .plain(try PrivateKey(der: document.derBytes))
            case PEM.encryptedPrivateKey:
                return .encrypted(try EncryptedPrivateKey(der: document.derBytes, source: source))
            default:
                throw PEM.unexpected(
                    document.discriminator, wanted: "a \(PEM.privateKey) or an \(PEM.encryptedPrivateKey)")
            }
        }
    }
}
