import CryptoExtras
import FoundationEssentials
import StrictJSON

extension TUF {
    /// A key as metadata lists it. One of a kind or form that is not known here is kept, and signs nothing.
    package struct Key: Sendable {
        package let id: String
        /// `x-sojourn-name`: who holds it, in the words of whoever appointed them.
        package let name: String?
        private let verifier: Verifier?

        private enum Verifier: Sendable {
            case key(PublicKey)
            case rsa(_RSA.Signing.PublicKey)
        }

        init(id: String, _ element: JSONElement) throws {
            self.id = id
            let type = try element.required("keytype").text()
            let scheme = try element.required("scheme").text()
            name = try element.member("x-sojourn-name")?.text()
            let value = try element.required("keyval")
            // What a key of another kind consists of is its kind's to say.
            guard let kind = Kind(type, scheme) else {
                verifier = nil
                return
            }
            verifier = Self.verifier(kind, try value.required("public").text())
        }

        private enum Kind {
            case ed25519, p256, rsa

            init?(_ type: String, _ scheme: String) {
                switch (type, scheme) {
                case ("ed25519", "ed25519"): self = .ed25519
                case ("ecdsa", "ecdsa-sha2-nistp256"), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"): self = .p256
                case ("rsa", "rsassa-pss-sha256"): self = .rsa
                default: return nil
                }
            }
        }

        private static func verifier(_ kind: Kind, _ material: String) -> Verifier? {
            do {
                switch kind {
                case .ed25519:
                    guard let raw = Hexadecimal.bytes(material) else { return nil }
                    return .key(try PublicKey(ed25519: raw))
                case .p256:
                    let key = try PublicKey(pem: Array(material.utf8), source: "key")
                    return key.type == .p256 ? .key(key) : nil
                case .rsa:
                    guard material.utf8.count <= PEM.largest else { return nil }
                    return .rsa(try _RSA.Signing.PublicKey(pemRepresentation: material))
                }
            } catch {
                // Damaged: as good as unknown.
                return nil
            }
        }

        /// The same for the same key, under whatever id it is listed; nil for one that signs nothing.
        var identity: [UInt8]? {
            switch verifier {
            case .key(let key): key.der
            case .rsa(let key): Array(key.derRepresentation)
            case nil: nil
            }
        }

        func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
            switch verifier {
            case .key(let key): key.isValid(signature, for: message)
            case .rsa(let key):
                key.isValidSignature(
                    _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: message),
                    padding: .PSS)
            case nil: false
            }
        }

        /// Where it is a key that this program can also sign with.
        package var publicKey: PublicKey? { if case .key(let key) = verifier { key } else { nil } }
    }

    /// Who signs for a role.
    package struct Signers: Sendable {
        /// Those of the role's keys that the metadata lists, by id.
        package let keys: [String: Key]
        package let threshold: Int

        init(_ element: JSONElement, among known: [String: Key]) throws {
            let ids = try element.required("keyids").elements()
            var keys: [String: Key] = [:]
            var seen: Set<String> = []
            for item in ids {
                let id = try item.text()
                guard seen.insert(id).inserted else {
                    throw item.refusal("the key \(id.prefix(64)) is there twice in one role")
                }
                keys[id] = known[id]
            }
            self.keys = keys
            let number = try element.required("threshold")
            let threshold = try number.integer()
            guard 1...256 ~= threshold else { throw number.refusal("a threshold is at least 1 and at most 256") }
            self.threshold = Int(threshold)
        }

        /// Of the keys that can sign, whatever ids they are listed under.
        package var identities: Set<[UInt8]> { Set(keys.values.compactMap(\.identity)) }

        /// The role's keys whose signatures of `metadata` are good, without those that `isBanned`; of one key that is
        /// listed under several ids, one.
        package func signers<Role>(of metadata: Signed<Role>, isBanned: (Key) -> Bool = { _ in false }) -> [Key] {
            var identities: Set<[UInt8]> = []
            return metadata.signatures.compactMap { signature in
                guard let key = keys[signature.keyID], !isBanned(key), let identity = key.identity,
                    !identities.contains(identity), key.isValid(signature.bytes, for: metadata.canonical)
                else { return nil }
                identities.insert(identity)
                return key
            }
        }

        /// Refuses metadata that fewer than the threshold have signed. `whose` names these keys.
        func verify<Role>(_ metadata: Signed<Role>, source: String, whose: String) throws {
            let count = signers(of: metadata).count
            guard count >= threshold else {
                throw TrustError(
                    .notTrusted,
                    "\(source): good signatures by \(count) of the \(keys.count) keys that \(whose) names, needed are "
                        + "\(threshold); ask whoever runs the catalogue, and do not use it until they have answered")
            }
        }
    }

    /// `keys` of root and delegations, by id.
    static func keys(_ element: JSONElement) throws -> [String: Key] {
        let members = try element.members()
        guard members.count <= 4096 else { throw element.refusal("more than 4096 keys") }
        return try members.reduce(into: [:]) { $0[$1.key] = try Key(id: $1.key, $1.value) }
    }
}
