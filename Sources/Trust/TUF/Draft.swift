package import GridModel
package import StrictJSON

extension TUF {
    /// What a role's next metadata is to say.
    package protocol DraftContent {
        var signed: JSONValue { get }
    }

    /// The next version of a role's metadata on its way from signer to signer: a TUF metadata file in which whoever has
    /// not signed yet is listed with an empty signature.
    package struct Draft: Sendable {
        /// `root`, `targets`, or the delegated role that it is of: TUF's own files do not tell, and nobody shall take one
        /// role's metadata for another's.
        package let role: String
        package let version: Int64
        package let expires: Timestamp
        package let signed: JSONValue
        /// Names it in messages.
        package let source: String
        private var signatures: [(keyID: String, bytes: [UInt8])]
        private let canonical: [UInt8]

        static let roleField = "x-sojourn-role"

        /// Nobody has signed it yet; `signers` are those who may, by key id.
        package init(_ content: some DraftContent, signers: [String], source: String = "the draft") throws {
            let value: JSONValue = ["signatures": [], "signed": content.signed]
            try self.init(decoding: try StrictJSON.encode(value), source: source)
            signatures = Set(signers).sorted().map { ($0, []) }
        }

        /// Reads a file that may come from anybody.
        package init(decoding bytes: [UInt8], source: String) throws {
            do {
                let limits = StrictJSON.Limits(bytes: Limit.targets, depth: Limit.depth)
                let document = try JSONDocument(bytes, limits: limits, source: source).root
                let value = try StrictJSON.decode(JSONValue.self, from: bytes, limits: limits, source: source)
                try self.init(document, signed: value["signed"] ?? .null, source: source)
            } catch let fault as StrictJSONError {
                throw TrustError(.malformedMetadata, fault.message)
            } catch let fault as GridModelError {
                throw TrustError(.malformedMetadata, "\(source): \(fault.message)")
            }
        }

        private init(_ document: JSONElement, signed: JSONValue, source: String) throws {
            let element = try document.required("signed")
            canonical = try element.canonical()
            let written = try JSONDocument(try StrictJSON.encode(signed), limits: .metadata, source: source)
            guard try written.root.canonical() == canonical else {
                throw element.refusal("text that another program could read differently: make the draft anew")
            }
            let header = try Header(element)
            version = header.version
            expires = header.expires
            let type = try element.required("_type")
            switch try type.text() {
            case "targets": role = try element.required(Self.roleField).text()
            case let other where ["root", "snapshot", "timestamp"].contains(other): role = other
            default: throw type.refusal("expected the metadata of a role of TUF's")
            }
            signatures = try Signature.list(try document.required("signatures")).map { ($0.keyID, $0.bytes) }
            self.signed = signed
            self.source = source
        }
    }
}

extension StrictJSON.Limits {
    fileprivate static let metadata = StrictJSON.Limits(bytes: TUF.Limit.targets, depth: TUF.Limit.depth)
}

// MARK: - Signing

extension TUF.Draft {
    /// What stands in a draft under a key's name.
    package enum SignatureState: Sendable {
        case signed, missing
        /// Of something else than this draft: it was changed after it was signed.
        case wrong
    }

    /// Those who are listed as signers, whether they have signed or not, by key id.
    package var signers: [String] { signatures.map(\.keyID) }

    package mutating func sign(with key: PrivateKey) throws {
        let id = key.publicKey.id.hex
        let bytes = try key.sign(canonical)
        signatures.removeAll { $0.keyID == id }
        signatures.append((id, bytes))
        signatures.sort { $0.keyID < $1.keyID }
    }

    package func state(of key: TUF.Key) -> SignatureState {
        guard let found = signatures.first(where: { $0.keyID == key.id }), !found.bytes.isEmpty else { return .missing }
        return key.isValid(found.bytes, for: canonical) ? .signed : .wrong
    }

    /// True where a key of that id has put something there, good or not.
    package func isSigned(by keyID: String) -> Bool { signatures.contains { $0.keyID == keyID && !$0.bytes.isEmpty } }

    /// The same words, whoever has signed them.
    package func isSame(as other: TUF.Draft) -> Bool { canonical == other.canonical }

    /// The file to hand on.
    package func encoded() throws -> [UInt8] { try encoded(signatures) }

    /// The file as it is published: without those who have not signed.
    package func published() throws -> [UInt8] { try encoded(signatures.filter { !$0.bytes.isEmpty }) }

    private func encoded(_ signatures: [(keyID: String, bytes: [UInt8])]) throws -> [UInt8] {
        let list = signatures.map { signature -> JSONValue in
            ["keyid": .string(signature.keyID), "sig": .string(Hexadecimal.text(signature.bytes))]
        }
        let value: JSONValue = ["signatures": .array(list), "signed": signed]
        return try StrictJSON.encode(value)
    }
}

// MARK: - Reading

extension TUF.Draft {
    /// As whoever reads it once it is published.
    package func metadata<Role>(_ role: Role.Type = Role.self) throws -> TUF.Signed<Role> {
        try TUF.Signed(try published(), limit: TUF.Limit.targets, source: source)
    }

    /// How many of a role's keys have signed it; of one key under two ids, one.
    package func count(of signers: TUF.Signers) throws -> Int {
        switch role {
        case "root": signers.signers(of: try metadata(TUF.Root.self)).count
        case "snapshot": signers.signers(of: try metadata(TUF.Snapshot.self)).count
        case "timestamp": signers.signers(of: try metadata(TUF.TimestampRole.self)).count
        default: signers.signers(of: try metadata(TUF.Targets.self)).count
        }
    }
}
