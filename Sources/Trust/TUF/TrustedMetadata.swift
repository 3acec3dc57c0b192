package import GridModel

/// The metadata that a client trusts at one moment, and the rules by which more of it comes to be trusted (TUF's
/// specification, "Detailed client workflow", 5.3 to 5.6). Clock and bytes are given; nothing is read or fetched here.
package struct TrustedMetadata: Sendable {
    /// The moment that all is judged by: taken once for an update.
    package let now: Timestamp
    package private(set) var root: TUF.Signed<TUF.Root>
    package private(set) var timestamp: TUF.Signed<TUF.TimestampRole>?
    package private(set) var snapshot: TUF.Signed<TUF.Snapshot>?
    /// By role, `targets` among them.
    package private(set) var targets: [String: TUF.Signed<TUF.Targets>] = [:]
    /// By role, by whose keys it was verified.
    private var delegators: [String: String] = [:]

    /// Begins with a root that is trusted already: its own keys must have signed it, but it may have expired.
    package init(root bytes: [UInt8], now: Timestamp, source: String) throws {
        root = try TUF.Signed(bytes, limit: TUF.Limit.root, source: source)
        try root.content.root.verify(root, source: source, whose: "the root itself")
        self.now = now
    }

    // MARK: Root

    /// The next root: signed by the keys of the one before and by its own.
    package mutating func update(root bytes: [UInt8], source: String) throws {
        let new: TUF.Signed<TUF.Root> = try TUF.Signed(bytes, limit: TUF.Limit.root, source: source)
        try root.content.root.verify(new, source: source, whose: "the root before it")
        try new.content.root.verify(new, source: source, whose: "the root itself")
        guard new.content.version == root.content.version + 1 else {
            throw TrustError(
                .wrongVersion,
                "\(source): version \(new.content.version) of the root, where \(root.content.version + 1) was expected")
        }
        root = new
    }

    /// After the last root: it must be valid now.
    package func finishRoot() throws { try refuseExpired(root, "the root") }

    // MARK: Timestamp

    /// True where this is new; false where the trusted one says the same version.
    @discardableResult
    package mutating func update(timestamp bytes: [UInt8], source: String) throws -> Bool {
        let new: TUF.Signed<TUF.TimestampRole> = try TUF.Signed(bytes, limit: TUF.Limit.timestamp, source: source)
        try root.content.timestamp.verify(new, source: source, whose: "the root")
        if let old = timestamp?.content {
            if new.content.version == old.version { return false }
            try refuseOlder(new.content.version, than: old.version, source, "the timestamp")
            try refuseOlder(new.content.snapshot.version, than: old.snapshot.version, source, "the snapshot it names")
        }
        timestamp = new
        return true
    }

    /// Refuses a timestamp that has expired: somebody may hold back newer ones.
    package func finishTimestamp() throws {
        guard let timestamp else { throw missing("timestamp") }
        try refuseExpired(timestamp, "the timestamp")
    }

    // MARK: Snapshot

    /// `isStored`: these bytes are from an earlier update, kept to notice what goes back; only if they are also the
    /// announced ones they count as the snapshot, which `finishSnapshot` tells.
    package mutating func update(snapshot bytes: [UInt8], isStored: Bool = false, source: String) throws {
        guard let announced = timestamp?.content.snapshot else { throw missing("timestamp") }
        try finishTimestamp()
        if !isStored { try announced.check(bytes, source: source) }
        let new: TUF.Signed<TUF.Snapshot> = try TUF.Signed(bytes, limit: TUF.Limit.snapshot, source: source)
        try root.content.snapshot.verify(new, source: source, whose: "the root")
        for (role, old) in snapshot?.content.files ?? [:] {
            guard let file = new.content.files[role] else {
                throw TrustError(
                    .rolledBack, "\(source): the role '\(role)' is no more in it; ask whoever runs the catalogue")
            }
            try refuseOlder(file.version, than: old.version, source, "the role '\(role)' in it")
        }
        snapshot = new
        if !isStored { try finishSnapshot(source: source) }
    }

    /// Refuses a snapshot that is not the announced one, or has expired.
    package func finishSnapshot(source: String = "snapshot.json") throws {
        guard let snapshot, let announced = timestamp?.content.snapshot else { throw missing("snapshot") }
        guard snapshot.content.version == announced.version else {
            throw TrustError(
                .wrongVersion,
                "\(source): version \(snapshot.content.version), where \(announced.version) was announced")
        }
        try refuseExpired(snapshot, "the snapshot")
    }

    // MARK: Targets

    /// True where this delegator's keys have verified the role; another's word for it counts nothing here.
    package func holds(_ role: String, by delegator: String) -> Bool {
        targets[role] != nil && delegators[role] == delegator
    }

    /// The metadata of `targets` or a delegated role, by the keys that its delegator names *now*.
    package mutating func update(
        targets bytes: [UInt8], role: String, delegator: String = "root", source: String
    ) throws {
        try finishSnapshot()
        guard let announced = snapshot?.content.files[role] else {
            throw TrustError(.missingMetadata, "\(source): the snapshot does not name the role '\(role)'")
        }
        try announced.check(bytes, source: source)
        let new: TUF.Signed<TUF.Targets> = try TUF.Signed(bytes, limit: TUF.Limit.targets, source: source)
        try signers(of: role, delegator: delegator).verify(
            new, source: source, whose: delegator == "root" ? "the root" : "the role '\(delegator)'")
        guard new.content.version == announced.version else {
            throw TrustError(
                .wrongVersion, "\(source): version \(new.content.version), where \(announced.version) was announced")
        }
        try refuseExpired(new, "the role '\(role)'")
        targets[role] = new
        delegators[role] = delegator
    }

    /// Who may sign for a role.
    package func signers(of role: String, delegator: String = "root") throws -> TUF.Signers {
        if delegator == "root" { return root.content.targets }
        guard let found = targets[delegator]?.content.delegations.first(where: { $0.name == role }) else {
            throw TrustError(.missingMetadata, "the role '\(delegator)' does not delegate to '\(role)'")
        }
        return found.signers
    }

    // MARK: -

    /// When the first of what a role's word rests on expires.
    package func expiry(of role: String) -> Timestamp? {
        let all = [
            root.content.expires, timestamp?.content.expires, snapshot?.content.expires,
            targets["targets"]?.content.expires, targets[role]?.content.expires,
        ]
        return all.contains(nil) ? nil : all.compactMap { $0 }.min()
    }

    private func refuseExpired<Role>(_ metadata: TUF.Signed<Role>, _ what: String) throws {
        guard metadata.content.header.expires > now else {
            throw TrustError(
                .expired,
                "\(what) (version \(metadata.content.header.version)) expired on \(metadata.content.header.expires), and it "
                    + "is \(now) here: check this host's clock, then ask whoever runs the catalogue to refresh it")
        }
    }

    private func refuseOlder(_ new: Int64, than old: Int64, _ source: String, _ what: String) throws {
        guard new >= old else {
            throw TrustError(
                .rolledBack,
                "\(source): \(what) has version \(new), but version \(old) was seen before: somebody serves old metadata, or "
                    + "the catalogue was set back; ask whoever runs it")
        }
    }

    private func missing(_ what: String) -> TrustError {
        TrustError(.missingMetadata, "there is no trusted \(what) yet; synchronise first")
    }
}
