import Attestation
import GridModel
import ImageStore
import KeyStore
import Linux
import StrictJSON
import Trust

/// Whose signatures stand under what is said about an image, as far as this home knows keys.
struct Signers {
    private let keys: [StoredKey]

    init(home: Home) throws { keys = try KeyStore(home: home).keys() }

    private struct Subjects: Decodable { let subject: [ResourceDescriptor] }

    /// The names of the keys that signed a statement about `manifest`; empty where none is known here, or where the
    /// statement is about something else: a good signature under another image's papers says nothing of this one.
    func names(_ bytes: [UInt8], about manifest: Digest, source: String) -> [String] {
        let known = keys.compactMap(\.publicKey)
        guard !known.isEmpty, let envelope = try? Envelope(decoding: bytes, source: source),
            case .success(let payload) = envelope.verify(as: Envelope.inToto, by: known),
            let subjects = try? StrictJSON.decode(Subjects.self, from: payload.bytes, source: source).subject,
            subjects.contains(where: { $0.digest == manifest })
        else { return [] }
        return keys.filter { key in key.publicKey.map { payload.signers.contains($0.id) } ?? false }.map {
            $0.name.description
        }
    }
}
