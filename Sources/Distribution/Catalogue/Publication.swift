package import GridModel
package import ImageStore
package import Trust

/// Puts drafts into effect, and keeps a catalogue fresh.
///
/// Clients begin with `timestamp.json`: it is replaced last, when all that it leads to is there. A publisher that dies
/// before leaves a catalogue that says what it said, and whoever publishes the same drafts again completes it.
package struct Publication {
    let catalogue: Catalogue
    let keys: KeyRing
    let store: ImageStore
    let now: Timestamp
    let lifetimes: Lifetimes
    /// How many others must have rebuilt each image that is endorsed, at least.
    let requiredRebuilds: Int
    /// From how many predecessors of a new image it writes deltas.
    let deltas: Int
    let progress: (String) -> Void

    /// How long what the online keys sign is believed.
    package struct Lifetimes: Sendable {
        package let snapshot: WallTime
        package let timestamp: WallTime

        package init(
            snapshot: WallTime = WallTime(seconds: 30 * 86400), timestamp: WallTime = WallTime(seconds: 7 * 86400)
        ) {
            self.snapshot = snapshot
            self.timestamp = timestamp
        }
    }

    package init(
        _ catalogue: Catalogue, keys: KeyRing, store: ImageStore, now: Timestamp, lifetimes: Lifetimes = Lifetimes(),
        requiredRebuilds: Int = 0, deltas: Int = 0, progress: @escaping (String) -> Void = { _ in }
    ) {
        self.catalogue = catalogue
        self.keys = keys
        self.store = store
        self.now = now
        self.lifetimes = lifetimes
        self.requiredRebuilds = requiredRebuilds
        self.deltas = deltas
        self.progress = progress
    }

    /// What a publication did.
    package struct Result: Sendable {
        package var published: [Change] = []
        /// Said so already.
        package var unchanged: [Change] = []
        /// Of snapshot and timestamp.
        package var expires: [Timestamp] = []

        /// From filesystems of predecessors to new ones.
        package var deltas: [Delta] = []
        /// What could not be done, and holds nothing up.
        package var warnings: [String] = []

        package struct Delta: Sendable, Encodable {
            package let from: Digest
            package let to: Digest
            package let digest: Digest
            package let size: Int64
        }

        package struct Change: Sendable, Encodable {
            package let role: String
            package let version: Int64
        }
    }

    /// Publishes drafts together: clients see all of them or none.
    package func publish(_ drafts: [TUF.Draft]) throws -> Result {
        if !catalogue.isPublished { try catalogue.make() }
        return try catalogue.withLock(waiting: wait) {
            let published = catalogue.isPublished ? try catalogue.published() : nil
            var result = Result()
            var pending: [TUF.Draft] = []
            for draft in drafts {
                let change = Result.Change(role: draft.role, version: draft.version)
                if try published?.hasSaid(draft, in: catalogue) ?? false {
                    result.unchanged.append(change)
                } else {
                    pending.append(draft)
                    result.published.append(change)
                }
            }
            if pending.isEmpty, published?.isInterrupted != true { return result }
            let next = try NextMetadata(published, pending)
            try next.check(now: now)
            try checkRebuilds(next)
            try bring(next)
            try writeHints(next, &result)
            result.expires = try write(next)
            return result
        }
    }

    private func wait() { progress("waiting for another publisher of this catalogue") }

    /// Signs anew what the online keys sign, with later dates.
    package func refresh() throws -> Result {
        _ = try catalogue.published()
        return try catalogue.withLock(waiting: wait) {
            var result = Result()
            result.expires = try write(try NextMetadata(try catalogue.published(), []))
            return result
        }
    }
}

extension PublishedCatalogue {
    /// True for a draft that is in effect, or was before newer ones.
    fileprivate func hasSaid(_ draft: TUF.Draft, in catalogue: Catalogue) throws -> Bool {
        guard draft.version >= 1, draft.version <= version(of: draft.role),
            let bytes = try catalogue.version(draft.version, of: draft.role)
        else { return false }
        return try draft.isSame(as: TUF.Draft(decoding: bytes, source: draft.role))
    }

    /// True where a root is there that the rest does not follow yet.
    var isInterrupted: Bool { rootFiles.count != Int(root.version) }
}
