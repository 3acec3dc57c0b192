/// What enough of the wanted keys have signed.
package struct VerifiedPayload: Equatable, Sendable {
    package let bytes: [UInt8]
    /// The keys whose signatures are good, sorted.
    package let signers: [KeyID]
}

extension Envelope {
    /// The payload, where at least `threshold` different `keys` signed it as a `payloadType`; else why it is refused
    /// (DSSE, protocol.md, "Multi-signature Verification"). A key counts once, however often it is listed or signed;
    /// signatures by other keys neither help nor harm.
    package func verify(
        as payloadType: String, by keys: some Sequence<PublicKey>, threshold: Int = 1
    ) -> Result<VerifiedPayload, TrustError> {
        precondition(threshold > 0, "an envelope that nobody signed is not verified")
        let wanted = Dictionary(keys.map { ($0.id, $0) }) { first, _ in first }
        let signed = Self.preAuthenticationEncoding(type: self.payloadType, payload: payload)
        var signers: Set<KeyID> = []
        for signature in signatures {
            let candidates = Self.candidates(for: signature, among: wanted).filter { !signers.contains($0.key) }
            if let signer = candidates.first(where: { $0.value.isValid(signature.bytes, for: signed) }) {
                signers.insert(signer.key)
            }
        }
        guard signers.count >= threshold else {
            return .failure(refusal(signers: signers.count, of: wanted.keys.sorted(), threshold: threshold))
        }
        guard self.payloadType == payloadType else {
            return .failure(
                TrustError(
                    .wrongPayloadType,
                    "signed, but as \(Self.shown(self.payloadType)), not as the wanted \(payloadType)"))
        }
        return .success(VerifiedPayload(bytes: payload, signers: signers.sorted()))
    }

    /// A hint that names one of the keys leaves that one; any other hint is in some other scheme of names.
    private static func candidates(for signature: Signature, among keys: [KeyID: PublicKey]) -> [KeyID: PublicKey] {
        keys.contains { $0.key.hex == signature.keyID } ? keys.filter { $0.key.hex == signature.keyID } : keys
    }

    private func refusal(signers: Int, of keys: [KeyID], threshold: Int) -> TrustError {
        let wanted = keys.prefix(5).map(\.hex).joined(separator: ", ") + (keys.count > 5 ? ", …" : "")
        let hints = signatures.prefix(5).map { $0.keyID.map(Self.shown) ?? "a key that is not named" }
        let found = hints.isEmpty ? "it is not signed" : "it says it is signed by \(hints.joined(separator: ", "))"
        return TrustError(
            .notTrusted,
            "not trusted: good signatures by \(signers) of \(keys.count) wanted keys (\(wanted)), needed are "
                + "\(threshold); \(found); have it signed by a wanted key, or trust another key")
    }

    /// What a stranger wrote, for a message.
    private static func shown(_ text: String) -> String {
        "'" + text.unicodeScalars.prefix(100).map { $0.escaped(asASCII: true) }.joined() + "'"
    }
}
