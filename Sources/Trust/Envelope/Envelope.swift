package import StrictJSON

/// Bytes with signatures, in the JSON form of DSSE 1.0.2 ("Dead Simple Signing Envelope", envelope.md).
package struct Envelope: Equatable, Sendable {
    package struct Signature: Equatable, Sendable {
        /// Whose key made it, as the signer calls that: a hint that nobody answers for. Nil where there is none.
        package let keyID: String?
        package let bytes: [UInt8]
    }

    /// How large an envelope may be: 64 MiB.
    package static let limits = StrictJSON.Limits(bytes: 64 << 20)
    /// How many signatures it may have: each may cost a pass over the payload.
    package static let mostSignatures = 64
    /// The type of in-toto statements (in-toto attestation 1.0, "Envelope").
    package static let inToto = "application/vnd.in-toto+json"

    /// What the payload is, with the meaning that its readers give it: it is signed too.
    package let payloadType: String
    /// Not to be believed before `verify`.
    package let payload: [UInt8]
    package private(set) var signatures: [Signature] = []

    package init(payloadType: String, payload: [UInt8]) {
        self.payloadType = payloadType
        self.payload = payload
    }

    /// What is signed (DSSE, protocol.md, "PAE").
    package static func preAuthenticationEncoding(type: String, payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
    }

    /// Adds a signature by `key`, in place of one that names it already.
    package mutating func sign(with key: PrivateKey) throws {
        let id = key.publicKey.id.hex
        let signed = Self.preAuthenticationEncoding(type: payloadType, payload: payload)
        let signature = Signature(keyID: id, bytes: try key.sign(signed))
        signatures.removeAll { $0.keyID == id }
        signatures.append(signature)
    }

    /// An envelope of `payload` with the signature of `key`.
    package init(signing payload: [UInt8], as payloadType: String, with key: PrivateKey) throws {
        self.init(payloadType: payloadType, payload: payload)
        try sign(with: key)
    }
}

// MARK: - JSON

extension Envelope: Codable {
    private enum CodingKeys: String, CodingKey { case payload, payloadType, signatures }

    /// Reads the JSON of an envelope. `source` names it in messages.
    package init(decoding bytes: [UInt8], source: String) throws {
        do { self = try StrictJSON.decode(Envelope.self, from: bytes, limits: Self.limits, source: source) } catch {
            throw TrustError(.malformedEnvelope, "no signed envelope (DSSE) that can be read", underlying: error)
        }
    }

    /// The envelope on one line.
    package func encoded() throws -> [UInt8] { try StrictJSON.encode(self) }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        payloadType = try container.decode(String.self, forKey: .payloadType)
        // "Empty fields may be omitted."
        let text = try container.decodeIfPresent(String.self, forKey: .payload) ?? ""
        payload = try Self.bytes(text, in: container, .payload)
        signatures = try container.decodeIfPresent([Signature].self, forKey: .signatures) ?? []
        guard signatures.count <= Self.mostSignatures else {
            throw DecodingError.dataCorruptedError(
                forKey: .signatures, in: container,
                debugDescription: "\(signatures.count) signatures, where at most \(Self.mostSignatures) are read")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(payloadType, forKey: .payloadType)
        try container.encode(Base64.encode(payload), forKey: .payload)
        try container.encode(signatures, forKey: .signatures)
    }

    fileprivate static func bytes<Key>(_ text: String, in container: KeyedDecodingContainer<Key>, _ key: Key) throws
        -> [UInt8]
    {
        guard let bytes = Base64.decode(text) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: container, debugDescription: "expected Base64 (RFC 4648)")
        }
        return bytes
    }
}

extension Envelope.Signature: Codable {
    private enum CodingKeys: String, CodingKey { case keyid, sig }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let hint = try container.decodeIfPresent(String.self, forKey: .keyid) ?? ""
        keyID = hint.isEmpty ? nil : hint
        bytes = try Envelope.bytes(try container.decode(String.self, forKey: .sig), in: container, .sig)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(keyID, forKey: .keyid)
        try container.encode(Base64.encode(bytes), forKey: .sig)
    }
}
