import GridModel
import Trust

/// What a catalogue is to say when some drafts are in effect, and whether it may.
struct NextMetadata {
    let published: PublishedCatalogue?
    let drafts: [TUF.Draft]
    /// From the first to the newest.
    let rootFiles: [[UInt8]]
    let root: TUF.Root
    /// `targets` and all experiments.
    let roles: [String: TUF.Signed<TUF.Targets>]

    var delegations: [TUF.Delegation] { roles["targets"]?.content.delegations ?? [] }

    /// Refuses drafts that do not follow what is published.
    init(_ published: PublishedCatalogue?, _ drafts: [TUF.Draft]) throws {
        self.published = published
        self.drafts = drafts
        guard Set(drafts.map(\.role)).count == drafts.count else {
            throw DistributionError(
                .refused, "two of these drafts are of one role and not published; publish one of them")
        }
        for draft in drafts {
            let version = published?.version(of: draft.role) ?? 0
            guard draft.version == version + 1 else { throw Self.stale(draft, version) }
        }
        var rootFiles = published?.rootFiles ?? []
        if let draft = drafts.first(where: { $0.role == "root" }) {
            // One that is there without being in effect is of an interrupted publication.
            rootFiles = try rootFiles.prefix(Int(draft.version) - 1) + [draft.published()]
        }
        guard let newest = rootFiles.last else {
            throw DistributionError(
                .refused, "a catalogue begins with the drafts of root and targets together; give both")
        }
        self.rootFiles = rootFiles
        root = try TUF.Signed<TUF.Root>(newest, limit: TUF.Limit.root, source: "the root").content
        var roles = published?.trusted.targets ?? [:]
        for draft in drafts where draft.role != "root" { roles[draft.role] = try draft.metadata() }
        guard roles["targets"] != nil else {
            throw DistributionError(
                .refused, "a catalogue begins with the drafts of root and targets together; give both")
        }
        self.roles = roles
    }

    private static func stale(_ draft: TUF.Draft, _ version: Int64) -> DistributionError {
        DistributionError(
            .stale,
            "\(draft.source) is a draft of version \(draft.version) of '\(draft.role)', but version \(version) is "
                + "published already: it is stale; make it anew with what it was to change")
    }

    /// Who must sign for a role, and in whose words.
    func signers(of role: String) throws -> [(TUF.Signers, String)] {
        switch role {
        case "root":
            return [(root.root, "the new root")] + (published.map { [($0.root.root, "the root before it")] } ?? [])
        case "targets": return [(root.targets, "the root")]
        default:
            guard let found = delegations.first(where: { $0.name == role }) else {
                throw DistributionError(
                    .unknownReference,
                    "the catalogue has no experiment '\(role)': "
                        + NearestNames.hint(for: role, among: delegations.map(\.name))
                        + "; publish it together with the draft of targets that adds it")
            }
            return [(found.signers, "the role targets")]
        }
    }

    /// Refuses what clients would not believe.
    func check(now: Timestamp) throws {
        for draft in drafts {
            for (signers, whose) in try signers(of: draft.role) { try Self.check(draft, signers, whose) }
            guard draft.expires > now else {
                throw DistributionError(
                    .refused, "\(draft.source) expired on \(draft.expires), and it is \(now); make it anew")
            }
        }
        for delegation in delegations { try checkFollows(delegation) }
        for draft in drafts where !["root", "targets"].contains(draft.role) { try checkEntries(draft, now: now) }
    }

    static func check(_ draft: TUF.Draft, _ signers: TUF.Signers, _ whose: String) throws {
        let count = try draft.count(of: signers)
        guard count < signers.threshold else { return }
        let keys = signers.keys.values.sorted { ($0.name ?? "", $0.id) < ($1.name ?? "", $1.id) }
        let wrong = keys.filter { draft.state(of: $0) == .wrong }.map(\.shown)
        let missing = keys.filter { draft.state(of: $0) == .missing }.map(\.shown)
        var message =
            "\(draft.source) has \(count) of the \(signers.threshold) signatures of '\(draft.role)' that \(whose) asks for"
        if !missing.isEmpty { message += "; not signed by \(missing.joined(separator: ", "))" }
        if !wrong.isEmpty {
            message += "; changed after it was signed by \(wrong.joined(separator: ", ")), who must look and sign again"
        }
        throw DistributionError(
            .refused, "\(message); sign it where their keys are: sojourn endorse --sign \(draft.source)")
    }

    /// What an experiment has published must be good under whoever may endorse for it now.
    private func checkFollows(_ delegation: TUF.Delegation) throws {
        guard let metadata = roles[delegation.name] else {
            throw DistributionError(
                .refused,
                "the experiment '\(delegation.name)' is new, and has no metadata: publish its first draft together with "
                    + "that of targets")
        }
        guard delegation.signers.signers(of: metadata).count >= delegation.signers.threshold else {
            throw DistributionError(
                .refused,
                "what '\(delegation.name)' says (version \(metadata.content.version)) is not signed by those who may "
                    + "endorse for it now: publish its next draft, signed by them, together with that of targets")
        }
    }
}

// MARK: - Entries

extension NextMetadata {
    /// The entries that a draft adds or changes.
    func newEntries(_ draft: TUF.Draft) throws -> [Endorsement] {
        let old = try published?.trusted.targets[draft.role]?.content.endorsements(source: draft.role) ?? [:]
        let new = try roles[draft.role]?.content.endorsements(source: draft.source) ?? [:]
        return new.values.filter { old[$0.path] != $0 }.sorted { $0.path < $1.path }
    }

    private func checkEntries(_ draft: TUF.Draft, now: Timestamp) throws {
        guard let content = roles[draft.role]?.content,
            let delegation = delegations.first(where: { $0.name == draft.role })
        else { return }
        func refuse(_ entry: Endorsement, _ what: String) -> DistributionError {
            DistributionError(.refused, "\(draft.source): \(entry.name.description) (\(entry.digest)) \(what)")
        }
        for entry in try newEntries(draft) {
            guard delegation.covers(entry.path) else {
                throw refuse(entry, "is outside the paths of the role '\(draft.role)'; withdraw it from this draft")
            }
            guard entry.version == draft.version, entry.endorsed < entry.until else {
                throw refuse(entry, "is no entry of this version; endorse it anew")
            }
            guard entry.until > now else {
                throw refuse(entry, "was to be endorsed until \(entry.until), and it is \(now); endorse it anew")
            }
        }
        // The history is for ever.
        let old = published?.trusted.targets[draft.role]?.content
        let withdrawn = try content.withdrawals()
        guard try withdrawn.starts(with: old?.withdrawals() ?? []) else {
            throw DistributionError(.refused, "\(draft.source) has lost withdrawals that are published; make it anew")
        }
        let gone = try (old?.endorsements(source: draft.role) ?? [:]).values.filter { entry in
            content.targets[entry.path] == nil
        }
        if let lost = gone.first(where: { entry in
            !withdrawn.contains { $0.digest == entry.digest && $0.name == entry.name && $0.endorsed == entry.endorsed }
        }) {
            throw refuse(lost, "is gone without being withdrawn; make the draft anew with 'sojourn withdraw'")
        }
    }
}

extension TUF.Key {
    /// `alice (0123456789ab)`.
    package var shown: String { name.map { "\($0) (\(id.prefix(12)))" } ?? String(id.prefix(12)) }
}
