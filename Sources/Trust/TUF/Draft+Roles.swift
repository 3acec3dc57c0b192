import Crypto
package import GridModel
package import StrictJSON

extension TUF {
    /// What is written of specification versions; python-tuf 7 writes the same.
    static let specification: JSONValue = "1.0.31"

    /// A key that metadata is to list.
    package struct NamedKey: Hashable, Sendable {
        package let name: String
        package let key: PublicKey

        package init(name: String, key: PublicKey) {
            self.name = name
            self.key = key
        }

        package var id: String { key.id.hex }

        var value: JSONValue {
            let (type, scheme, material) =
                switch key {
                case .ed25519(let key): ("ed25519", "ed25519", Hexadecimal.text(key.rawRepresentation))
                case .p256: ("ecdsa", "ecdsa-sha2-nistp256", key.pem)
                }
            return [
                "keytype": .string(type), "scheme": .string(scheme), "keyval": ["public": .string(material)],
                "x-sojourn-name": .string(name),
            ]
        }
    }

    /// Who is to sign for a role.
    package struct RoleKeys: Equatable, Sendable {
        package private(set) var keys: [NamedKey]
        package private(set) var threshold: Int

        /// Refuses a threshold that these keys cannot reach.
        package init(_ keys: [NamedKey], threshold: Int) throws {
            guard Set(keys.map(\.id)).count == keys.count else {
                throw TrustError(.malformedMetadata, "one key is there twice; each counts once, so name it once")
            }
            guard !keys.isEmpty, keys.count <= 256 else {
                throw TrustError(.malformedMetadata, "\(keys.count) keys, where a role has from 1 to 256")
            }
            guard 1...keys.count ~= threshold else {
                throw TrustError(
                    .malformedMetadata,
                    "a threshold of \(threshold), where \(keys.count) key(s) may sign; give one from 1 to \(keys.count)"
                )
            }
            self.keys = keys
            self.threshold = threshold
        }

        /// As metadata has them. Keys that this program cannot sign with are refused.
        package init(_ signers: Signers) throws {
            keys = try signers.keys.values.sorted { $0.id < $1.id }.map { key in
                guard let publicKey = key.publicKey, publicKey.id.hex == key.id else {
                    throw TrustError(
                        .unsupportedKey,
                        "the key \(key.id.prefix(16)) was entered by another program; change this catalogue with that one"
                    )
                }
                return NamedKey(name: key.name ?? String(key.id.prefix(12)), key: publicKey)
            }
            threshold = signers.threshold
        }

        package var ids: [String] { keys.map(\.id) }

        var value: JSONValue {
            ["keyids": .array(ids.sorted().map { .string($0) }), "threshold": .int(Int64(threshold))]
        }

        static func values(_ roles: [RoleKeys]) -> JSONValue {
            .object(Dictionary(roles.flatMap(\.keys).map { ($0.id, $0.value) }) { first, _ in first })
        }
    }

    static func header(_ type: String, _ version: Int64, _ expires: Timestamp) -> [String: JSONValue] {
        [
            "_type": .string(type), "spec_version": specification, "version": .int(version),
            "expires": .string(expires.description),
        ]
    }

    /// What the next root is to say.
    package struct NewRoot: DraftContent, Sendable {
        package var version: Int64
        package var expires: Timestamp
        package var root: RoleKeys
        package var targets: RoleKeys
        package var snapshot: RoleKeys
        package var timestamp: RoleKeys

        /// The first.
        package init(expires: Timestamp, offline: RoleKeys, online: RoleKeys) {
            version = 1
            self.expires = expires
            (root, targets) = (offline, offline)
            (snapshot, timestamp) = (online, online)
        }

        /// As it stands.
        package init(_ root: Root) throws {
            version = root.version
            expires = root.expires
            self.root = try RoleKeys(root.root)
            targets = try RoleKeys(root.targets)
            snapshot = try RoleKeys(root.snapshot)
            timestamp = try RoleKeys(root.timestamp)
        }

        package var signed: JSONValue {
            let fields: [String: JSONValue] = [
                "consistent_snapshot": true,
                "keys": RoleKeys.values([root, targets, snapshot, timestamp]),
                "roles": [
                    "root": root.value, "targets": targets.value, "snapshot": snapshot.value,
                    "timestamp": timestamp.value,
                ],
            ]
            return .object(header(Root.type, version, expires).merging(fields) { own, _ in own })
        }
    }

    /// What the next `targets` or the next metadata of a delegated role is to say.
    package struct NewTargets: DraftContent, Sendable {
        /// A role that answers for the paths `NAME/*/*`, and is the last to be asked for them.
        package struct Delegation: Equatable, Sendable {
            package var name: String
            package var endorsers: RoleKeys
            /// How many others must have rebuilt what it endorses.
            package var requiredRebuilds: Int

            package init(name: String, endorsers: RoleKeys, requiredRebuilds: Int = 0) {
                self.name = name
                self.endorsers = endorsers
                self.requiredRebuilds = requiredRebuilds
            }

            package init(_ delegation: TUF.Delegation) throws {
                self.init(
                    name: delegation.name, endorsers: try RoleKeys(delegation.signers),
                    requiredRebuilds: delegation.requiredRebuilds)
            }

            var value: JSONValue {
                guard case .object(let signers) = endorsers.value else { return .null }
                var fields: [String: JSONValue] = [
                    "name": .string(name), "terminating": true, "paths": [.string("\(name)/*/*")],
                ]
                if requiredRebuilds > 0 { fields[Rebuilds.requiredField] = .int(Int64(requiredRebuilds)) }
                return .object(fields.merging(signers) { own, _ in own })
            }
        }

        /// `targets`, or the delegated role's name.
        package let role: String
        package var version: Int64
        package var expires: Timestamp
        /// By path.
        package var targets: [String: JSONValue]
        package var delegations: [Delegation]
        /// Whose rebuilds count; of the top-level role alone.
        package var rebuilders: [NamedKey]
        /// What the role answered for once, with the reason why it does no more; nil for a role that endorses nothing.
        package var withdrawn: [JSONValue]?

        package init(role: String, version: Int64, expires: Timestamp) {
            self.role = role
            self.version = version
            self.expires = expires
            targets = [:]
            delegations = []
            rebuilders = []
        }

        package var signed: JSONValue {
            var fields = header(Targets.type, version, expires)
            fields[Draft.roleField] = .string(role)
            fields["targets"] = .object(targets)
            if role == Targets.type {
                fields["delegations"] = [
                    "keys": RoleKeys.values(delegations.map(\.endorsers)), "roles": .array(delegations.map(\.value)),
                ]
            }
            if !rebuilders.isEmpty {
                fields[Rebuilds.keysField] = .object(
                    Dictionary(rebuilders.map { ($0.id, $0.value) }) { first, _ in first })
            }
            fields["withdrawn"] = withdrawn.map { .array($0) }
            return .object(fields)
        }
    }

    /// What the next snapshot is to say.
    package struct NewSnapshot: DraftContent, Sendable {
        package let version: Int64
        package let expires: Timestamp
        /// By role.
        package let files: [String: FileSummary]

        package init(version: Int64, expires: Timestamp, files: [String: FileSummary]) {
            self.version = version
            self.expires = expires
            self.files = files
        }

        package var signed: JSONValue {
            let named = files.map { ("\($0.key).json", $0.value.value) }
            let meta = JSONValue.object(Dictionary(uniqueKeysWithValues: named))
            return .object(header(Snapshot.type, version, expires).merging(["meta": meta]) { own, _ in own })
        }
    }

    /// What the next timestamp is to say.
    package struct NewTimestamp: DraftContent, Sendable {
        package let version: Int64
        package let expires: Timestamp
        package let snapshot: FileSummary

        package init(version: Int64, expires: Timestamp, snapshot: FileSummary) {
            self.version = version
            self.expires = expires
            self.snapshot = snapshot
        }

        package var signed: JSONValue {
            let meta: JSONValue = ["snapshot.json": snapshot.value]
            return .object(header(TimestampRole.type, version, expires).merging(["meta": meta]) { own, _ in own })
        }
    }

    /// How one metadata file announces another.
    package struct FileSummary: Sendable {
        let value: JSONValue

        package init(_ bytes: [UInt8], version: Int64) {
            value = [
                "version": .int(version), "length": .int(Int64(bytes.count)),
                "hashes": ["sha256": .string(Hexadecimal.text(SHA256.hash(data: bytes)))],
            ]
        }
    }
}

extension TUF.NewTargets {
    /// What `metadata` of that role says, to be changed.
    package init(_ metadata: TUF.Signed<TUF.Targets>, role: String) throws {
        let limits = StrictJSON.Limits(bytes: TUF.Limit.targets, depth: TUF.Limit.depth)
        let signed = try StrictJSON.decode(JSONValue.self, from: metadata.bytes, limits: limits, source: role)["signed"]
        self.init(role: role, version: metadata.content.version, expires: metadata.content.expires)
        targets = signed?["targets"]?.object ?? [:]
        withdrawn = signed?["withdrawn"]?.array
        delegations = try metadata.content.delegations.map { try Delegation($0) }
        rebuilders = try metadata.content.rebuilders()
    }
}
