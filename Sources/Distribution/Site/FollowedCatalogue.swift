package import GridModel
package import ImageStore
package import Policy
package import Settings
package import Trust

/// A catalogue as this home knows it: what is stored, verified from the trusted root on, without a network.
///
/// Signatures are judged here, times are not: what has expired is told with its times, so that whoever decides can say
/// since when.
package struct FollowedCatalogue: Sendable {
    package let source: TrustedCatalogue
    package let directory: CatalogueDirectory
    private var updater: MetadataUpdater
    /// Entries of one role that are no images of ours.
    private static let mostOdd = 100

    private var entries: [String: [String: CatalogueEntry]] = [:]

    package init(_ source: TrustedCatalogue, home: Home) throws {
        self.source = source
        directory = CatalogueDirectory(home, name: source.name)
        guard let metadata = directory.current() else {
            throw DistributionError(
                .notSynchronised, "the catalogue \(source.name) was never synchronised here; run: sojourn site sync")
        }
        updater = try MetadataUpdater(
            metadata, root: try metadata.root(source.root, of: source.name), now: Timestamp(seconds: 0), source: nil)
        try updater.refresh()
    }

    package var trusted: TrustedMetadata { updater.trusted }

    /// All roles that endorse, in the order in which they are asked.
    package var roles: [String] { trusted.targets["targets"]?.content.delegations.map(\.name) ?? [] }

    /// Who may sign for an experiment.
    package var endorsers: [EndorserFact] {
        trusted.targets["targets"]?.content.delegations.flatMap { delegation in
            delegation.signers.keys.values.map { EndorserFact($0) }
        } ?? []
    }

    /// What a role endorses, by path; nothing where there is no such role. Entries that are not images of ours, or that
    /// another role answers for, are passed over.
    package mutating func entries(of role: String) throws -> [String: CatalogueEntry] {
        if let known = entries[role] { return known }
        guard roles.contains(role) else { return [:] }
        try updater.update(role: role, delegator: "targets")
        var found: [String: CatalogueEntry] = [:]
        var odd = 0
        for (path, target) in trusted.targets[role]?.content.targets ?? [:] where try answers(role, for: path) {
            do { found[path] = try CatalogueEntry(path, target, role: role) } catch {
                // Of whoever writes such a thing nothing else is believed less: the entry is not there. But not for ever.
                odd += 1
                if odd > Self.mostOdd { throw error }
            }
        }
        entries[role] = found
        return found
    }

    /// What a catalogue says of one artifact; nil where it does not know it.
    package mutating func endorsement(of digest: Digest, as name: String, isKernel: Bool) throws -> EndorsementFact? {
        let role = CatalogueEntry.role(of: name, isKernel: isKernel)
        guard
            let entry = try entries(of: role)[CatalogueEntry.path(of: digest, as: name, isKernel: isKernel)]
        else { return try withdrawal(of: digest, role: role, name: name) }
        return try fact(entry, role: role)
    }

    package func fact(_ entry: CatalogueEntry, role: String) throws -> EndorsementFact {
        let signers = try trusted.signers(of: role, delegator: "targets")
        guard let metadata = trusted.targets[role], let expires = trusted.expiry(of: role) else {
            throw DistributionError(.notSynchronised, "the role '\(role)' of \(source.name) is not here")
        }
        return EndorsementFact(
            catalogue: source.name, experiment: role, name: entry.name, endorsed: entry.endorsed, until: entry.until,
            endorsers: signers.signers(of: metadata).map { EndorserFact($0) },
            threshold: signers.threshold, expires: expires)
    }

    private func withdrawal(of digest: Digest, role: String, name: String) throws -> EndorsementFact? {
        guard let metadata = trusted.targets[role],
            let found = try CatalogueWithdrawal.all(of: metadata.content).last(where: {
                $0.digest == digest && $0.name == name
            })
        else { return nil }
        return EndorsementFact(
            catalogue: source.name, experiment: role, name: name, endorsed: found.endorsed ?? found.withdrawn,
            until: found.withdrawn, endorsers: [], threshold: 1, expires: trusted.expiry(of: role) ?? found.withdrawn,
            fault: EndorsementFault(.withdrawn, since: found.withdrawn, because: found.because))
    }

    /// Whether no role that is asked before answers for this path.
    private mutating func answers(_ role: String, for path: String) throws -> Bool {
        for delegation in trusted.targets["targets"]?.content.delegations ?? [] where delegation.covers(path) {
            if delegation.name == role { return true }
            if delegation.isTerminating { return false }
            try updater.update(role: delegation.name, delegator: "targets")
            if trusted.targets[delegation.name]?.content.targets[path] != nil { return false }
        }
        return false
    }
}

extension MetadataDirectory {
    /// The root that trust begins with, from the roots that were kept.
    func root(_ digest: Digest, of name: String) throws -> [UInt8] {
        for version in try rootVersions() {
            if let bytes = try readRoot(version: version), BlobHash.digest(of: bytes) == digest { return bytes }
        }
        throw DistributionError(
            .notTrusted,
            "none of the roots kept of the catalogue \(name) is the trusted one, \(digest); run: sojourn site sync, or "
                + "trust it anew: sojourn site trust")
    }
}

extension EndorserFact {
    /// By the id that its key has by itself, whatever a catalogue calls it.
    init(_ key: TUF.Key) { self.init(key: key.publicKey?.id.hex ?? key.id, name: key.name) }
}
