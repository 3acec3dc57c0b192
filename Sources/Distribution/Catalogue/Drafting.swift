package import GridModel
import Linux
import StrictJSON
package import Trust

/// Makes drafts of what a catalogue is to say next. A draft that waits already for signatures is carried on: what is added
/// to it voids the signatures that it has.
package struct Drafting {
    let catalogue: Catalogue
    package let published: PublishedCatalogue
    let keys: KeyRing
    let now: Timestamp
    /// Of the draft; nil: a year from now.
    let expires: Timestamp?
    /// With the keys of this home, as far as they may.
    let signs: Bool

    package static let year: Int64 = 365 * 86400

    package init(
        _ catalogue: Catalogue, keys: KeyRing, now: Timestamp, expires: Timestamp? = nil, signs: Bool = true
    ) throws {
        self.catalogue = catalogue
        self.keys = keys
        self.now = now
        self.expires = expires
        self.signs = signs
        published = try catalogue.published()
    }

    /// A draft that lies in its file.
    package struct Made: Sendable {
        package let draft: TUF.Draft
        package let path: String
        /// This draft was there, and somebody who is not of this home has signed what it said before.
        package let voids: [String]

        package init(_ draft: TUF.Draft, at path: String, voids: [String] = []) {
            self.draft = draft
            self.path = path
            self.voids = voids
        }
    }

    var expiry: Timestamp { expires ?? Timestamp(seconds: now.seconds + Self.year) }

    /// The draft that waits for signatures; nil where there is none.
    func waiting(_ role: String) throws -> TUF.Draft? {
        let path = catalogue.draftPath(role, version: published.version(of: role) + 1)
        guard Files.exists(path) else { return nil }
        return try TUF.Draft(decoding: try Files.read(path, limit: TUF.Limit.targets), source: path)
    }

    func nextRoot() throws -> TUF.NewRoot {
        let metadata = try waiting("root")?.metadata(TUF.Root.self) ?? published.trusted.root
        var root = try TUF.NewRoot(metadata.content)
        root.version = published.root.version + 1
        root.expires = expiry
        return root
    }

    func next(_ role: String) throws -> TUF.NewTargets {
        let metadata = try waiting(role)?.metadata(TUF.Targets.self) ?? published.trusted.targets[role]
        let version = published.version(of: role) + 1
        guard let metadata else { return TUF.NewTargets(role: role, version: version, expires: expiry) }
        var targets = try TUF.NewTargets(metadata, role: role)
        targets.version = version
        targets.expires = expiry
        return targets
    }

    /// Signs with what this home holds of `signers`, and writes the file.
    func save(_ content: some TUF.DraftContent, signers: [String]) throws -> Made {
        var draft = try TUF.Draft(content, signers: signers, source: catalogue.directory)
        let path = catalogue.draftPath(draft.role, version: draft.version)
        let held = try keys.held(signers)
        let old = try waiting(draft.role)
        if signs { try keys.sign(&draft, with: held) }
        try Files.makeDirectories(catalogue.drafts)
        try Files.write(try draft.encoded(), to: path)
        let voids = old.map { old in draft.isSame(as: old) ? [] : signers.filter { old.isSigned(by: $0) } } ?? []
        return Made(draft, at: path, voids: voids.filter { !draft.isSigned(by: $0) })
    }
}

// MARK: - Experiments

extension Drafting {
    /// Appoints an experiment's endorsers. `replacing` those of one that is there. Its first metadata, empty, is drafted
    /// too; of one that is there, what it says is to be signed anew. `requiredRebuilds` nil: as many as before.
    package func addExperiment(
        _ name: String, endorsers: TUF.RoleKeys, requiredRebuilds: Int? = nil, replacing: Bool
    ) throws -> [Made] {
        try ArtifactName.checkExperiment(name)
        var targets = try next("targets")
        let place = targets.delegations.firstIndex { $0.name == name }
        guard (place != nil) == replacing else {
            throw DistributionError(
                .refused,
                replacing
                    ? "there is no experiment '\(name)' whose endorsers could be replaced; leave --replace out to add it"
                    : "there is an experiment '\(name)' already; to appoint other endorsers give --replace, or use: "
                        + "sojourn catalogue rotate-key \(name)")
        }
        let delegation = TUF.NewTargets.Delegation(
            name: name, endorsers: endorsers,
            requiredRebuilds: requiredRebuilds ?? place.map { targets.delegations[$0].requiredRebuilds } ?? 0)
        if let place { targets.delegations[place] = delegation } else { targets.delegations.append(delegation) }
        return [try saveTargets(targets), try save(try next(name), signers: endorsers.ids)]
    }

    /// Takes an experiment out. What it endorsed stays in the catalogue's history.
    package func removeExperiment(_ name: String) throws -> [Made] {
        _ = try published.delegation(name)
        var targets = try next("targets")
        targets.delegations.removeAll { $0.name == name }
        return [try saveTargets(targets)]
    }

    func saveTargets(_ targets: TUF.NewTargets, alsoBy others: [String] = []) throws -> Made {
        try save(targets, signers: Array(published.root.targets.keys.keys) + others)
    }
}

// MARK: - Endorsing

extension Drafting {
    /// The manifest of an image or kernel that is to be endorsed.
    package struct Subject {
        let name: ArtifactName
        let digest: Digest
        let length: Int64

        package init(_ name: ArtifactName, _ digest: Digest, length: Int64) {
            self.name = name
            self.digest = digest
            self.length = length
        }
    }

    /// Endorses an image, or anew where it is endorsed already.
    package func endorse(_ subject: Subject, until: Timestamp) throws -> Made {
        guard until > now else {
            throw DistributionError(.refused, "an endorsement until \(until) has ended already: it is \(now)")
        }
        let role = subject.name.experiment
        let signers = try published.delegation(role).signers
        var targets = try next(role)
        let entry = Endorsement(
            subject.name, subject.digest, length: subject.length, from: now, until: until, version: targets.version)
        targets.targets[entry.path] = entry.value
        return try save(targets, signers: Array(signers.keys.keys))
    }

    /// Ends an endorsement, and keeps in the role for ever that and why.
    package func withdraw(_ name: ArtifactName, _ digest: Digest, because: String) throws -> Made {
        let role = name.experiment
        let signers = try published.delegation(role).signers
        var targets = try next(role)
        let path = name.path(of: digest)
        guard let old = published.trusted.targets[role]?.content.targets[path] else {
            guard targets.targets.removeValue(forKey: path) != nil else {
                throw DistributionError(
                    .unknownReference,
                    "the catalogue does not endorse \(digest) as \(name.description); see: sojourn catalogue show "
                        + catalogue.directory)
            }
            // Never published, so nothing to be withdrawn.
            return try save(targets, signers: Array(signers.keys.keys))
        }
        let entry = try Endorsement(path, old, source: role)
        targets.targets[path] = nil
        // Said twice in one draft, the last counts; what was published stays.
        let kept = try published.trusted.targets[role]?.content.withdrawals().count ?? 0
        let drafted = (targets.withdrawn ?? []).dropFirst(kept).filter { $0["digest"]?.string != digest.description }
        targets.withdrawn =
            (targets.withdrawn ?? []).prefix(kept) + drafted + [Withdrawal(entry, at: now, because: because).value]
        return try save(targets, signers: Array(signers.keys.keys))
    }
}

// MARK: - Finding

extension Drafting {
    /// The published entry that a person means: by digits of its digest, or by name.
    package func endorsement(of reference: String, as name: String?) throws -> Endorsement {
        let all = try published.endorsements()
        let digits = reference.hasPrefix("sha256:") ? String(reference.dropFirst(7)) : reference
        let short = { (name: String) in name.hasPrefix("@") ? "os/\(name.dropFirst())" : name }
        let found = all.filter { entry in
            let isMeant =
                entry.name.description == short(reference)
                || (digits.utf8.count >= 8 && entry.digest.hex.hasPrefix(digits))
            return isMeant && (name.map { short($0) == entry.name.description } ?? true)
        }
        if found.count == 1 { return found[0] }
        if found.isEmpty {
            throw DistributionError(
                .unknownReference,
                "\(catalogue.directory) does not endorse '\(reference)'\(name.map { " as \($0)" } ?? ""): "
                    + NearestNames.hint(for: reference, among: all.map(\.name.description)))
        }
        throw DistributionError(
            .unknownReference,
            "\(catalogue.directory) endorses \(found.count) images that '\(reference)' could mean: "
                + "\(found.map(\.digest.description).joined(separator: ", ")); give the digest of one")
    }
}

extension PublishedCatalogue {
    /// Of all experiments.
    package func endorsements() throws -> [Endorsement] {
        try (targets?.delegations ?? []).flatMap { delegation in
            try trusted.targets[delegation.name]?.content.endorsements(source: delegation.name).values.map { $0 } ?? []
        }
    }

    /// True where a digest is endorsed at this moment.
    package func endorses(_ digest: Digest, now: Timestamp) throws -> Bool {
        try endorsements().contains { $0.digest == digest && $0.until > now }
    }
}
