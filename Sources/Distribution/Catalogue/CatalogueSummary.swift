package import GridModel
import Trust

/// What a catalogue says now, and what of it ends soon.
package struct CatalogueSummary: Encodable, Sendable {
    package struct Key: Encodable, Sendable {
        package let id: String
        package let name: String?
    }

    package struct Role: Encodable, Sendable {
        package let name: String
        package let version: Int64
        package let expires: Timestamp
        package let threshold: Int
        package let keys: [Key]
    }

    package struct Entry: Encodable, Sendable {
        package let name: String
        package let digest: Digest
        package let endorsed: Timestamp
        package let until: Timestamp
        /// False where it has ended.
        package let valid: Bool
        package let rebuilds: RebuildCount
    }

    package struct Experiment: Encodable, Sendable {
        package let name: String
        package let entries: [Entry]
        /// How many it has withdrawn, ever.
        package let withdrawn: Int
        /// How many others must have rebuilt an image before it is published.
        package let requiredRebuilds: Int
    }

    /// Of the first root: what a site compares before it trusts the catalogue.
    package let fingerprint: Digest?
    package let roles: [Role]
    /// Whose rebuilds count.
    package let rebuilders: [Key]
    package let experiments: [Experiment]
    package let warnings: [String]

    /// `within`: how long before something ends one is warned.
    package init(_ catalogue: Catalogue, now: Timestamp, within: WallTime) throws {
        let published = try catalogue.published()
        var roles: [Role] = []
        func add(_ name: String, _ header: TUF.Header?, _ signers: TUF.Signers) {
            guard let header else { return }
            roles.append(
                Role(
                    name: name, version: header.version, expires: header.expires, threshold: signers.threshold,
                    keys: signers.keys.values.map { Key(id: $0.id, name: $0.name) }.sorted { $0.id < $1.id }))
        }
        let (trusted, root) = (published.trusted, published.root)
        add("root", root.header, root.root)
        add("targets", published.targets?.header, root.targets)
        add("snapshot", trusted.snapshot?.content.header, root.snapshot)
        add("timestamp", trusted.timestamp?.content.header, root.timestamp)
        let rules = try RebuildRules(published.targets)
        let rebuilds = CatalogueRebuilds(catalogue)
        var experiments: [Experiment] = []
        for delegation in published.targets?.delegations ?? [] {
            guard let content = trusted.targets[delegation.name]?.content else { continue }
            add(delegation.name, content.header, delegation.signers)
            let entries = try content.endorsements(source: delegation.name).values.map {
                Entry(
                    name: $0.name.description, digest: $0.digest, endorsed: $0.endorsed, until: $0.until,
                    valid: $0.until > now, rebuilds: try rebuilds.count($0.digest, role: delegation.name, rules))
            }
            experiments.append(
                Experiment(
                    name: delegation.name, entries: entries.sorted { ($0.name, $0.endorsed) < ($1.name, $1.endorsed) },
                    withdrawn: try content.withdrawals().count, requiredRebuilds: delegation.requiredRebuilds))
        }
        fingerprint = published.fingerprint
        self.roles = roles
        rebuilders = try published.targets?.rebuilders().map { Key(id: $0.id, name: $0.name) } ?? []
        self.experiments = experiments.sorted { $0.name < $1.name }
        warnings = Self.warnings(roles, experiments, now: now, within: within.seconds, catalogue)
    }

    /// Snapshot and timestamp live shortly, since they are made anew all the time: of them one is warned two days before.
    private static let ofOnline: Int64 = 2 * 86400

    private static func warnings(
        _ roles: [Role], _ experiments: [Experiment], now: Timestamp, within: Int64, _ catalogue: Catalogue
    ) -> [String] {
        var warnings: [String] = []
        for role in roles {
            let isOnline = ["snapshot", "timestamp"].contains(role.name)
            let left = role.expires.seconds - now.seconds
            guard left <= (isOnline ? min(ofOnline, within) : within) else { continue }
            let remedy =
                switch role.name {
                case "snapshot", "timestamp": "sojourn catalogue refresh \(catalogue.directory)"
                case "root", "targets": "sojourn catalogue renew \(role.name) --catalogue \(catalogue.directory)"
                default:
                    "endorse something, or: sojourn catalogue renew \(role.name) --catalogue \(catalogue.directory)"
                }
            warnings.append(
                "the role '\(role.name)' \(left > 0 ? "expires" : "expired") on \(role.expires), and with it all that rests "
                    + "on it: \(remedy)")
        }
        for experiment in experiments {
            for entry in experiment.entries where entry.valid && entry.until.seconds - now.seconds <= within {
                warnings.append(
                    "\(entry.name) (\(entry.digest.short)) is endorsed until \(entry.until): endorse it anew, or its "
                        + "successor")
            }
        }
        return warnings
    }
}
