import Attestation
import GridModel
import ImageFormat
import ImageStore
import StrictJSON
import Trust

/// Who has rebuilt an image, and whose word counts.
package struct RebuildCount: Encodable, Sendable {
    /// Rebuilders of the catalogue who neither endorse for the experiment nor built the image, by name.
    package let independent: [String]
    /// How many others said so: of keys that are not listed, of an endorser, of the builder.
    package let others: Int

    /// `2 independent: desy, nikhef`.
    package var text: String {
        let names = independent.isEmpty ? "" : ": \(independent.joined(separator: ", "))"
        let rest = others == 0 ? "" : " (\(others) not counted)"
        return "\(independent.count) independent\(names)\(rest)"
    }
}

/// Whose rebuilds count in a catalogue, as its `targets` say it.
struct RebuildRules {
    private let rebuilders: [TUF.NamedKey]
    private let delegations: [TUF.Delegation]

    init(_ targets: TUF.Targets?) throws {
        rebuilders = try targets?.rebuilders() ?? []
        delegations = targets?.delegations ?? []
    }

    func required(of role: String) -> Int { delegations.first { $0.name == role }?.requiredRebuilds ?? 0 }

    /// Of the statements, whose signatures have been verified, those that are about this very manifest; `builders` are ids
    /// of keys.
    func count(
        _ statements: [RebuildStatement], of manifest: OCIManifest, _ digest: Digest, role: String,
        builders: Set<String>
    ) -> RebuildCount {
        let endorsers = delegations.first { $0.name == role }?.signers.identities ?? []
        var independent: [String: String] = [:]
        var others: Set<String> = []
        for statement in statements {
            do { try statement.check(against: manifest, digest, source: "") } catch { continue }
            let id = statement.signer.id.hex
            let listed = rebuilders.first { $0.id == id }
            if let listed, !endorsers.contains(statement.signer.der), !builders.contains(id) {
                independent[id] = listed.name
            } else {
                others.insert(id)
            }
        }
        return RebuildCount(independent: independent.values.sorted(), others: others.count)
    }

    /// The name of a key that is listed.
    func name(of key: PublicKey) -> String? { rebuilders.first { $0.id == key.id.hex }?.name }
}

/// The keys that say of themselves that they built an image: nobody confirms himself. Taken from whatever provenance there
/// is, whoever signed it: a wrong one costs a count, and never brings one.
enum Builders {
    private static let limit: Int64 = 16 << 20

    static func ids(of digest: Digest, inLayout directory: String) throws -> Set<String> {
        try ids(try ImageStore.said(about: digest, inLayout: directory, ofType: Provenance.type, limit: limit))
    }

    static func ids(of digest: Digest, in store: ImageStore) throws -> Set<String> {
        let said = try store.referrers(of: digest).filter {
            $0.annotations?[Annotation.predicateType] == Provenance.type
        }
        return try ids(said.map { try store.content(of: $0) })
    }

    private static func ids(_ envelopes: [[UInt8]]) throws -> Set<String> {
        envelopes.reduce(into: []) { ids, bytes in
            guard let envelope = read({ try Envelope(decoding: bytes, source: "a provenance") }) else { return }
            ids.formUnion(envelope.signatures.compactMap(\.keyID))
            let statement = read { try Statement<Provenance>(decoding: envelope.payload, source: "a provenance") }
            guard let builder = statement?.predicate.runDetails.builder.id else { return }
            ids.insert(String(builder.split(separator: ":").last ?? ""))
        }
    }

    /// What cannot be read says nothing.
    private static func read<Value>(_ body: () throws -> Value) -> Value? {
        do { return try body() } catch { return nil }
    }
}
