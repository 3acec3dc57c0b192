package import GridModel
package import Trust

/// Follows one TUF repository: what is stored, what is served, and the order in which they are believed (TUF's
/// specification, "Detailed client workflow"). Hold the directory's lock while one is in use.
package struct MetadataUpdater {
    /// Of all targets roles together, in bytes.
    private static let mostTargets = 256 << 20
    private static let mostUnannounced = 8 << 20

    private let directory: MetadataDirectory
    /// Nil: what is stored must do.
    private let source: (any MetadataSource)?
    package private(set) var trusted: TrustedMetadata

    /// `root` is trusted by whoever gives it. `now` is taken once, and judges all that follows.
    package init(_ directory: MetadataDirectory, root: [UInt8], now: Timestamp, source: (any MetadataSource)?) throws {
        self.directory = directory
        self.source = source
        trusted = try TrustedMetadata(root: root, now: now, source: "the first root")
    }

    /// Keeps a root that is trusted by whoever gives it, where there is none yet.
    package static func initialise(_ directory: MetadataDirectory, root: [UInt8], now: Timestamp) throws {
        let trusted = try TrustedMetadata(root: root, now: now, source: "the given root")
        try directory.writeRoot(root, version: trusted.root.content.header.version)
    }

    /// The root that was kept last.
    package static func storedRoot(_ directory: MetadataDirectory) throws -> [UInt8] {
        guard let root = try directory.read("root", limit: TUF.Limit.root) else {
            throw DistributionError(
                .notTrusted, "\(directory.path) holds no root: begin with one that you trust (init, or site trust)")
        }
        return root
    }

    /// Brings the four top-level roles up to date.
    package mutating func refresh() throws {
        try updateRoot()
        try updateTimestamp()
        try updateSnapshot()
        try update(role: "targets", delegator: "root")
    }
}

// MARK: - Top-level roles

extension MetadataUpdater {
    private mutating func updateRoot() throws {
        try followStoredRoots()
        var count = 0
        while let new = try source?.read(nextRoot, limit: TUF.Limit.root) {
            count += 1
            guard count <= TUF.Limit.rootRotations else {
                throw DistributionError(
                    .refused,
                    "\(place): more than \(TUF.Limit.rootRotations) new roots at once; ask whoever runs the catalogue")
            }
            let before = trusted.root.content
            try trusted.update(root: new, source: served(as: nextRoot))
            if Self.hasRotated(before, trusted.root.content) { try forgetVersions() }
            try directory.writeRoot(new, version: trusted.root.content.version)
        }
        try trusted.finishRoot()
    }

    /// From the root that was given to the last one that was kept. One that does not follow is of another catalogue's
    /// history, or damaged: the served one takes its place.
    private mutating func followStoredRoots() throws {
        while let stored = try directory.readRoot(version: trusted.root.content.version + 1) {
            let place = "\(directory.path)/root_history/\(nextRoot)"
            guard try believing({ try $0.update(root: stored, source: place) }) else { break }
        }
        // Where the first root was given once more, `root.json` is that one.
        let newest = trusted.root
        if source != nil, try directory.read("root", limit: TUF.Limit.root) != newest.bytes {
            try directory.writeRoot(newest.bytes, version: newest.content.version)
        }
    }

    private var nextRoot: String { "\(trusted.root.content.version + 1).root.json" }

    /// Where keys of timestamp or snapshot were replaced, versions seen before bind no more: so a catalogue recovers
    /// whose versions a thief drove up (specification, 5.3.11). Before the new root is kept, so that a kill leaves no
    /// mixture.
    private func forgetVersions() throws {
        try directory.remove("timestamp")
        try directory.remove("snapshot")
    }

    /// Keys that only came in addition recover nothing, and a threshold that rose recovers by itself: what was seen
    /// before is then verified anew.
    private static func hasRotated(_ old: TUF.Root, _ new: TUF.Root) -> Bool {
        !old.timestamp.identities.isSubset(of: new.timestamp.identities)
            || !old.snapshot.identities.isSubset(of: new.snapshot.identities)
    }

    private mutating func updateTimestamp() throws {
        let stored = try directory.read("timestamp", limit: TUF.Limit.timestamp)
        if let stored {
            let place = "\(directory.path)/timestamp.json"
            try believing { try $0.update(timestamp: stored, source: place) }
        }
        if let source {
            let name = "timestamp.json"
            let served = try required(try source.read(name, limit: TUF.Limit.timestamp), name)
            let isNew = try trusted.update(timestamp: served, source: self.served(as: name))
            // Expired ones are not kept: what is kept may have been valid once.
            try trusted.finishTimestamp()
            if isNew { try directory.write(served, role: "timestamp") }
        }
        try trusted.finishTimestamp()
    }

    private mutating func updateSnapshot() throws {
        let place = "\(directory.path)/snapshot.json"
        if let stored = try directory.read("snapshot", limit: TUF.Limit.snapshot),
            try believing({
                try $0.update(snapshot: stored, isStored: true, source: place)
                try $0.finishSnapshot()
            })
        {
            return
        }
        guard let announced = trusted.timestamp?.content.snapshot else { return }
        let name = versioned("snapshot", announced.version)
        let served = try fetch(name, announced, limit: TUF.Limit.snapshot)
        try trusted.update(snapshot: served, source: self.served(as: name))
        try directory.write(served, role: "snapshot")
    }
}

// MARK: - Targets

extension MetadataUpdater {
    /// A role's metadata, stored or served, by the keys that its delegator names now.
    package mutating func update(role: String, delegator: String) throws {
        if trusted.holds(role, by: delegator) { return }
        guard trusted.targets.values.reduce(0, { $0 + $1.bytes.count }) <= Self.mostTargets else {
            throw DistributionError(
                .refused,
                "\(self.place): its roles together have more than \(Self.mostTargets >> 20) MiB; follow less of it")
        }
        let place = "\(directory.path): role '\(role)'"
        if let stored = try directory.read(role, limit: TUF.Limit.targets),
            try believing({
                try $0.update(targets: stored, role: role, delegator: delegator, source: place)
            })
        {
            return
        }
        guard let announced = trusted.snapshot?.content.files[role] else {
            throw DistributionError(.refused, "\(self.place): its snapshot does not name the role '\(role)'")
        }
        let name = versioned(PercentEncoding.of(role), announced.version)
        let served = try fetch(name, announced, limit: TUF.Limit.targets)
        try trusted.update(targets: served, role: role, delegator: delegator, source: self.served(as: name))
        try directory.write(served, role: role)
    }

    /// Who answers for a path, and for what: the first in the order of delegations, asked depth first.
    package mutating func target(_ path: String) throws -> TUF.Target? {
        var waiting: [(role: String, delegator: String)] = [("targets", "root")]
        var visited: Set<String> = []
        while let (role, delegator) = waiting.popLast() {
            guard visited.insert(role).inserted else { continue }
            guard visited.count <= TUF.Limit.delegations + 1 else {
                throw DistributionError(
                    .refused,
                    "\(place): none of the first \(TUF.Limit.delegations) roles that may answer for '\(path)' does; ask "
                        + "whoever runs the catalogue")
            }
            try update(role: role, delegator: delegator)
            guard let found = trusted.targets[role]?.content else { continue }
            if let target = found.targets[path] { return target }
            let covering = found.delegations.filter { $0.covers(path) }
            let end = covering.firstIndex(where: \.isTerminating)
            if end != nil { waiting = [] }
            waiting += covering.prefix((end ?? covering.count - 1) + 1).reversed().map { ($0.name, role) }
        }
        return nil
    }

    /// The path of a target below the place where targets are served, as a URL has it.
    package func servedPath(of path: String, _ target: TUF.Target) -> String {
        let path = PercentEncoding.ofPath(path)
        guard trusted.root.content.isConsistent, let hash = target.hashes.names.first else { return path }
        let directories = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return "\(directories)\(hash).\(path.dropFirst(directories.count))"
    }
}

// MARK: - Stored and served

extension MetadataUpdater {
    private var place: String { source?.description ?? directory.path }

    private func served(as name: String) -> String { "\(place)/\(name)" }

    private func versioned(_ role: String, _ version: Int64) -> String {
        trusted.root.content.isConsistent ? "\(version).\(role).json" : "\(role).json"
    }

    /// Tries what is stored. It is no fault that it does not hold any more, as long as something is served.
    @discardableResult
    private mutating func believing(_ body: (inout TrustedMetadata) throws -> Void) throws -> Bool {
        do {
            try body(&trusted)
            return true
        } catch let fault as TrustError {
            if source == nil { throw fault }
            return false
        }
    }

    private func fetch(_ name: String, _ announced: TUF.MetadataFile, limit: Int) throws -> [UInt8] {
        guard let source else { return try required(nil, name) }
        // Where nothing vouches for a length, what is read is nobody's word yet.
        let most = Int(min(announced.length ?? Int64(min(limit, Self.mostUnannounced)), Int64(limit)))
        return try required(try source.read(name, limit: most), name)
    }

    private func required(_ bytes: [UInt8]?, _ name: String) throws -> [UInt8] {
        if let bytes { return bytes }
        throw source == nil
            ? DistributionError(.notSynchronised, "\(directory.path): there is no \(name) yet; run: sojourn site sync")
            : DistributionError(.unavailable, "\(place) serves no \(name); ask whoever runs the catalogue")
    }
}
