package import Attestation
package import GridModel
import ImageFormat
package import ImageStore
import KeyStore
import Trust

/// What this home's own key says about an image's checks.
package enum CheckedImage {
    /// The newest result that passed, and the envelope that it came in; nil where there is none to be believed.
    package static func result(
        of image: Digest, in store: ImageStore
    ) throws -> (result: CheckResult, signer: String, envelope: [UInt8])? {
        try OwnStatement<CheckResult>.newest(about: image, in: store) { $0.outcome == .passed }
            .map { ($0.predicate, $0.signer, $0.envelope) }
    }
}

/// What this home's own key said about an image.
struct OwnStatement<Predicate: StatementPredicate> {
    let predicate: Predicate
    let signer: String
    let envelope: [UInt8]

    /// The newest one that `fits`; nil where there is none to be believed.
    static func newest(
        about image: Digest, in store: ImageStore, where fits: (Predicate) -> Bool = { _ in true }
    ) throws -> OwnStatement? {
        let key = try KeyStore(home: store.home).homeKey().publicKey
        for referrer in try store.referrers(of: image).reversed()
        where referrer.annotations?[Annotation.predicateType] == Predicate.type {
            let bytes = try store.content(of: referrer)
            let source = "the statement \(referrer.digest)"
            do {
                let envelope = try Envelope(decoding: bytes, source: source)
                let (statement, signers) = try Statement<Predicate>.verified(envelope, by: [key], source: source)
                guard statement.isAbout(image), fits(statement.predicate), let signer = signers.first else { continue }
                return OwnStatement(predicate: statement.predicate, signer: signer.description, envelope: bytes)
            } catch is AttestationError {
                // Somebody else's word: no reason to refuse the image.
                continue
            } catch is TrustError {
                continue
            }
        }
        return nil
    }
}
