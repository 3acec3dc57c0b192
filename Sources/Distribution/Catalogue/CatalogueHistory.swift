package import GridModel
package import ImageFormat
import Trust

/// Who endorsed which image when, for what, and what became of it: from every version of every role that was ever
/// published, each verified with the keys of its time.
package struct CatalogueHistory: Sendable {
    /// A person who signed, in the words of whoever appointed them.
    package struct Signer: Encodable, Hashable, Sendable {
        package let id: String
        package let name: String?
    }

    package enum Kind: String, Encodable, Sendable { case endorsed, renewed, withdrawn }

    package struct Event: Encodable, Sendable {
        package let kind: Kind
        package let experiment: String
        package let name: String
        package let digest: Digest
        package let time: Timestamp
        /// The role's version that says so.
        package let version: Int64
        package let by: [Signer]
        /// Of an endorsement.
        package let until: Timestamp?
        /// Of a withdrawal.
        package let because: String?
        package fileprivate(set) var image: Image?
        /// As it stands today.
        package fileprivate(set) var rebuilds: RebuildCount?
    }

    /// What an image says about itself.
    package struct Image: Encodable, Sendable {
        package let created: Timestamp
        package let purpose: String?
        package let licence: String?
        package let packages: [InstalledPackage]?
    }

    /// The oldest first.
    package private(set) var events: [Event] = []

    private let catalogue: Catalogue
    private var seen: Set<String> = []
    private var latest: [String: TUF.Targets] = [:]

    /// `packages`: read the packages of each image too.
    package init(_ catalogue: Catalogue, matching reference: String? = nil, packages: Bool = false) throws {
        self.catalogue = catalogue
        let published = try catalogue.published()
        var roots: [TUF.Root] = []
        for bytes in published.rootFiles {
            roots.append(try TUF.Signed<TUF.Root>(bytes, limit: TUF.Limit.root, source: "a root").content)
        }
        var root = 0
        for version in 1...(published.trusted.snapshot?.content.version ?? 1) {
            let name = "\(version).snapshot.json"
            let snapshot = try TUF.Signed<TUF.Snapshot>(
                try catalogue.read(name), limit: TUF.Limit.snapshot, source: name)
            while root < roots.count - 1, !roots[root].snapshot.isReached(by: snapshot) { root += 1 }
            guard roots[root].snapshot.isReached(by: snapshot) else { throw Self.forged(name) }
            try follow(snapshot.content, roots[root...])
        }
        if let reference { events = try events(matching: reference) }
        let blobs = CatalogueBlobs(catalogue)
        let (rules, rebuilds) = (try RebuildRules(published.targets), CatalogueRebuilds(catalogue))
        for index in events.indices {
            let event = events[index]
            events[index].image = try Self.image(event.digest, blobs, packages)
            events[index].rebuilds = try rebuilds.count(event.digest, role: event.experiment, rules)
        }
    }

    private static func forged(_ name: String) -> DistributionError {
        DistributionError(
            .refused,
            "metadata/\(name) is not signed by those who could sign it at its time: somebody changed the catalogue's "
                + "history; restore it from a copy")
    }

    /// What was published with one snapshot.
    private mutating func follow(_ snapshot: TUF.Snapshot, _ roots: ArraySlice<TUF.Root>) throws {
        let name = "\(snapshot.files["targets"]?.version ?? 0).targets.json"
        let targets = try metadata(name)
        // Signed for a root that came a moment later, where both changed.
        guard roots.contains(where: { $0.targets.isReached(by: targets) }) else { throw Self.forged(name) }
        for delegation in targets.content.delegations {
            let name = "\(snapshot.files[delegation.name]?.version ?? 0).\(delegation.name).json"
            guard seen.insert(name).inserted else { continue }
            let role = try metadata(name)
            guard delegation.signers.isReached(by: role) else { throw Self.forged(name) }
            let signers = delegation.signers.signers(of: role).map { Signer(id: $0.id, name: $0.name) }
            try add(role.content, delegation.name, by: signers.sorted { $0.id < $1.id })
        }
    }

    private func metadata(_ name: String) throws -> TUF.Signed<TUF.Targets> {
        try TUF.Signed(try catalogue.read(name), limit: TUF.Limit.targets, source: name)
    }

    /// What a version of a role says that the one before did not.
    private mutating func add(_ content: TUF.Targets, _ experiment: String, by signers: [Signer]) throws {
        let old = try latest[experiment]?.endorsements(source: experiment) ?? [:]
        let new = try content.endorsements(source: experiment)
        for withdrawal in try content.withdrawals().dropFirst(latest[experiment]?.withdrawals().count ?? 0) {
            events.append(
                Event(
                    kind: .withdrawn, experiment: experiment, name: withdrawal.name.description,
                    digest: withdrawal.digest, time: withdrawal.withdrawn, version: content.version, by: signers,
                    until: nil, because: withdrawal.because))
        }
        for entry in new.values.sorted(by: { $0.path < $1.path }) where old[entry.path] != entry {
            events.append(
                Event(
                    kind: old[entry.path] == nil ? .endorsed : .renewed, experiment: experiment,
                    name: entry.name.description, digest: entry.digest, time: entry.endorsed,
                    version: content.version, by: signers, until: entry.until, because: nil))
        }
        latest[experiment] = content
    }

    /// Of an image by environment or digits of its digest, or of an experiment.
    private func events(matching reference: String) throws -> [Event] {
        let digits = reference.hasPrefix("sha256:") ? String(reference.dropFirst(7)) : reference
        let name = reference.hasPrefix("@") ? "os/\(reference.dropFirst())" : reference
        let found = events.filter {
            [$0.name, $0.experiment].contains(name)
                || (digits.utf8.count >= 8 && $0.digest.hex.hasPrefix(digits))
        }
        guard !found.isEmpty else {
            throw DistributionError(
                .unknownReference,
                "\(catalogue.directory) never endorsed '\(reference)': "
                    + NearestNames.hint(for: name, among: events.flatMap { [$0.name, $0.experiment] }))
        }
        return found
    }

    private static func image(_ digest: Digest, _ blobs: CatalogueBlobs, _ packages: Bool) throws -> Image? {
        guard let manifest = try blobs.manifest(digest), let bytes = try blobs.document(manifest.config.digest) else {
            return nil
        }
        var list: [InstalledPackage]?
        if packages, let blob = manifest.layers.first(where: { $0.mediaType == MediaType.packages }) {
            list = try blobs.document(blob.digest).map {
                try PackageList(decoding: $0, source: blob.digest.description).packages
            }
        }
        let source = manifest.config.digest.description
        if manifest.artifactType == MediaType.kernel {
            let kernel = try KernelConfiguration(decoding: bytes, source: source)
            return Image(created: kernel.created, purpose: nil, licence: nil, packages: list)
        }
        let image = try ImageConfiguration(decoding: bytes, source: source)
        return Image(created: image.created, purpose: image.purpose, licence: image.licence, packages: list)
    }
}

extension TUF.Signers {
    fileprivate func isReached<Role>(by metadata: TUF.Signed<Role>) -> Bool {
        signers(of: metadata).count >= threshold
    }
}
