package import GridModel
package import StrictJSON
package import Trust

/// What a statement says of its subject.
package protocol StatementPredicate: Codable, Equatable, Sendable {
    /// The URI of the form that it has.
    static var type: String { get }
    /// How large a statement of it may be.
    static var limits: StrictJSON.Limits { get }

    /// Throws where it contradicts itself.
    func check() throws
}

/// An in-toto statement (in-toto attestation 1.1, statement.md): something said of artifacts, which count by digest.
package struct Statement<Body: StatementPredicate>: Equatable, Sendable {
    /// Each with its digest.
    package let subjects: [ResourceDescriptor]
    package let predicate: Body

    /// About an image or a kernel.
    package init(about artifact: ImageFacts.Artifact, _ predicate: Body) {
        subjects = [ResourceDescriptor(name: artifact.name, digest: artifact.digest)]
        self.predicate = predicate
    }

    /// About an image or a kernel, known as such by its media type, and parts of it.
    package init(about artifact: ImageFacts.Artifact, with parts: [ResourceDescriptor], _ predicate: Body) {
        subjects = [ResourceDescriptor(artifact)] + parts
        self.predicate = predicate
    }

    package func isAbout(_ manifest: Digest) -> Bool { subjects.contains { $0.digest == manifest } }

    /// The same statement gives the same bytes.
    package func encoded() throws -> [UInt8] { try StrictJSON.encode(self) }

    /// Signed, as an envelope that `encoded()` makes a referrer of.
    package func envelope(signedBy key: PrivateKey) throws -> Envelope {
        try Envelope(signing: try encoded(), as: Envelope.inToto, with: key)
    }
}

// MARK: - Reading

extension Statement {
    /// Reads a statement that is nobody's yet: not to be believed. `source` names it in messages.
    package init(decoding bytes: [UInt8], source: String) throws {
        do {
            let header = try StrictJSON.decode(StatementHeader.self, from: bytes, limits: Body.limits, source: source)
            guard header.type == StatementHeader.v1 else {
                throw AttestationError(
                    .malformedStatement,
                    "\(source): no in-toto statement of version 1: its _type is "
                        + "\(AttestationError.shown(header.type)) where \(StatementHeader.v1) is read")
            }
            guard header.predicateType == Body.type else {
                throw AttestationError(
                    .otherPredicate,
                    "\(source): a statement of the type \(AttestationError.shown(header.predicateType)), "
                        + "not of the wanted \(Body.type): choose another referrer")
            }
            self = try StrictJSON.decode(Self.self, from: bytes, limits: Body.limits, source: source)
        } catch let fault as StrictJSONError {
            throw AttestationError(.malformedStatement, "no in-toto statement that can be read", underlying: fault)
        }
        guard !subjects.isEmpty, subjects.allSatisfy({ $0.digest != nil }) else {
            throw AttestationError(
                .malformedStatement, "\(source): it does not say by sha256 what it is about; have it made anew")
        }
        do { try predicate.check() } catch let fault as AttestationError {
            throw AttestationError(fault.code, "\(source): \(fault.message)", underlying: fault.underlying)
        }
    }

    /// Reads what at least one of `keys` signed, and says which of them did.
    package static func verified(
        _ envelope: Envelope, by keys: some Sequence<PublicKey>, source: String
    ) throws -> (statement: Statement, signers: [KeyID]) {
        switch envelope.verify(as: Envelope.inToto, by: keys) {
        case .success(let payload):
            return (try Statement(decoding: payload.bytes, source: source), payload.signers)
        case .failure(let fault):
            throw AttestationError(.notTrusted, "\(source): not believed", underlying: fault)
        }
    }
}

/// What every statement has, whatever it says.
package struct StatementHeader: Decodable, Equatable, Sendable {
    package static let v1 = "https://in-toto.io/Statement/v1"

    package let type: String
    package let predicateType: String

    private enum CodingKeys: String, CodingKey {
        case type = "_type"
        case predicateType
    }
}

extension AttestationError {
    /// What a stranger wrote, for a message.
    static func shown(_ text: String) -> String {
        "'" + text.unicodeScalars.prefix(100).map { $0.escaped(asASCII: true) }.joined() + "'"
    }
}

extension Statement: Codable {
    private enum CodingKeys: String, CodingKey {
        case type = "_type"
        case subject, predicateType, predicate
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        subjects = try container.decode([ResourceDescriptor].self, forKey: .subject)
        predicate = try container.decode(Body.self, forKey: .predicate)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(StatementHeader.v1, forKey: .type)
        try container.encode(subjects, forKey: .subject)
        try container.encode(Body.type, forKey: .predicateType)
        try container.encode(predicate, forKey: .predicate)
    }
}
