import ImageStore
import KeyStore
import System
import Trust

/// Whose signatures stand under what is said about an image, as far as this home knows keys.
struct Signers {
    private let keys: [StoredKey]

    init(home: Home) throws { keys = try KeyStore(home: home).keys() }

    /// The names of the keys that signed an envelope's content; empty where none is known here.
    func names(_ envelope: [UInt8], source: String) throws -> [String] {
        let known = keys.compactMap(\.publicKey)
        guard !known.isEmpty else { return [] }
        switch try Envelope(decoding: envelope, source: source).verify(as: Envelope.inToto, by: known) {
        case .success(let payload):
            return keys.filter { key in key.publicKey.map { payload.signers.contains($0.id) } ?? false }.map {
                $0.name.description
            }
        case .failure: return []
        }
    }
}
