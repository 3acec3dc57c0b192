package import GridModel
package import HTTPTransport
import ImageFormat
package import ImageStore
import Linux
package import Settings
import Trust

/// Brings what a home knows of a catalogue up to date: its metadata, and what tells of each image.
package struct CatalogueSync {
    private let source: TrustedCatalogue
    private let home: Home
    private let transport: HTTPTransport
    private let now: Timestamp
    private let directory: CatalogueDirectory
    private let mirrors: [HTTPAddress]

    /// What an update brought.
    package struct Report: Sendable {
        package let catalogue: String
        package var images = 0
        package var added: [CatalogueEntry] = []
        package var removed: [CatalogueEntry] = []
        /// Until when all of it holds that holds shortest.
        package var expires: Timestamp?
        /// What is not as it should be, and does not hinder the rest.
        package var warnings: [String] = []
        fileprivate var isServedBadly = false
    }

    private static let mostWarnings = 20

    /// - Parameter mirrors: asked before the catalogue, in their order. What they do not give, or give wrongly, is the
    ///   catalogue's to give.
    package init(
        _ source: TrustedCatalogue, mirrors: [HTTPAddress] = [], home: Home, transport: HTTPTransport, now: Timestamp
    ) {
        self.source = source
        self.home = home
        self.transport = transport
        self.now = now
        directory = CatalogueDirectory(home, name: source.name)
        self.mirrors = mirrors
    }

    /// All or nothing: what cannot be verified leaves what is stored as it was.
    package func run(progress: (String) -> Void) throws -> Report {
        let before = try entries()
        let waiting = { progress("another update of \(source.name) is under way; waiting") }
        var report = try directory.update(waiting: waiting) { try update($0, progress) }
        let after = try entries()
        report.images = after.count
        if after.count < before.count { try sweepDocuments(of: Array(after.values)) }
        report.added = after.filter { before[$0.key] == nil }.map(\.value).sorted { $0.path < $1.path }
        report.removed = before.filter { after[$0.key] == nil }.map(\.value).sorted { $0.path < $1.path }
        return report
    }

    /// Keeps a first root that a person gives, without a network.
    package static func keep(root: [UInt8], of name: String, home: Home, now: Timestamp) throws {
        try CatalogueDirectory(home, name: name).update { directory in
            try Files.removeTree(directory.path)
            try Files.makeDirectories(directory.path, mode: 0o700)
            try MetadataUpdater.initialise(directory, root: root, now: now)
        }
    }

    /// What was endorsed by what is stored; nothing where nothing of it can be believed.
    private func entries() throws -> [String: CatalogueEntry] {
        var followed: FollowedCatalogue
        do { followed = try FollowedCatalogue(source, home: home) } catch { return [:] }
        return try followed.roles.reduce(into: [:]) { all, role in
            all.merge(try followed.entries(of: role)) { first, _ in first }
        }
    }

    // MARK: Metadata

    private func update(_ metadata: MetadataDirectory, _ progress: (String) -> Void) throws -> Report {
        progress("\(source.name): metadata")
        var report = Report(catalogue: source.name)
        let (updater, files) = try refreshed(metadata, &report)
        for role in updater.trusted.targets["targets"]?.content.delegations.map(\.name) ?? [] {
            if let expires = updater.trusted.expiry(of: role) {
                report.expires = min(report.expires ?? expires, expires)
            }
            if !report.isServedBadly { try fetchDocuments(of: role, updater.trusted, from: files, &report, progress) }
        }
        // As every start will read it: what could not be believed then does not take the place of what can.
        var stored = try MetadataUpdater(
            metadata, root: try metadata.root(source.root, of: source.name), now: Timestamp(seconds: 0), source: nil)
        try stored.refresh()
        return report
    }

    /// The metadata of one place as a whole: a mirror that lacks something, or has what is older than what is known here
    /// already, is passed by. With it those places that are left.
    private func refreshed(
        _ metadata: MetadataDirectory, _ report: inout Report
    ) throws -> (MetadataUpdater, MirroredFiles) {
        var files = MirroredFiles(source, mirrors: mirrors, transport: transport)
        while files.places.count > 1 {
            let place = files.places.removeFirst()
            var warnings: [String] = []
            do {
                let updater = try refreshed(metadata, from: place, &warnings)
                // An experiment's role that has expired may be newer elsewhere.
                if warnings.isEmpty {
                    files.places.insert(place, at: 0)
                    return (updater, files)
                }
            } catch let error as SystemError { throw error } catch { warnings.append("\(error)") }
            report.warnings.append("the mirror \(place.address) is passed by: \(warnings.joined(separator: "; "))")
        }
        return (try refreshed(metadata, from: files.places[0], &report.warnings), files)
    }

    private func refreshed(
        _ metadata: MetadataDirectory, from place: ServedFiles, _ warnings: inout [String]
    ) throws -> MetadataUpdater {
        let root = try metadata.firstRoot(of: source, from: place, now: now)
        let below = ServedFiles(address: "\(place.address)/metadata", transport: transport)
        var updater = try MetadataUpdater(metadata, root: root, now: now, source: below)
        try updater.refresh()
        for role in updater.trusted.targets["targets"]?.content.delegations.map(\.name) ?? [] {
            // One experiment that lets its role expire does not take the others with it.
            do { try updater.update(role: role, delegator: "targets") } catch let error as TrustError
                where error.code == .expired
            { warnings.append("role '\(role)': \(error)") }
        }
        return updater
    }

    // MARK: Documents

    private func fetchDocuments(
        of role: String, _ trusted: TrustedMetadata, from files: MirroredFiles, _ report: inout Report,
        _ progress: (String) -> Void
    ) throws {
        let targets = trusted.targets[role]?.content.targets ?? [:]
        let documents = ServedDocuments(directory)
        var odd = 0
        for (number, (path, target)) in targets.sorted(by: { $0.key < $1.key }).enumerated() {
            do {
                let entry = try CatalogueEntry(path, target, role: role)
                if entry.until <= now { continue }
                let manifestLimit = ServedDocuments.documentLimit
                if try documents.read(entry.digest, limit: manifestLimit) == nil {
                    progress("\(source.name): \(role), what tells of image \(number + 1) of \(targets.count)")
                    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                    let name = "\(parts.dropLast().joined(separator: "/"))/\(entry.digest.hex).\(parts.last ?? "")"
                    try fetch(entry.digest, "targets/\(name)", from: files, limit: entry.length)
                }
                guard let manifest = try documents.manifest(of: entry) else { continue }
                try fetch(blob: manifest.config, documents, from: files, limit: manifestLimit)
                if let packages = ServedDocuments.packages(in: manifest) {
                    try fetch(blob: packages, documents, from: files, limit: ServedDocuments.packagesLimit)
                }
            } catch let error as HTTPTransportError where [.unreachable, .tooSlow].contains(error.code) {
                // Of so bad a server no more is asked now: others are waiting.
                report.isServedBadly = true
                report.warnings.append("what tells of images did not all come; synchronise again: \(error)")
                return
            } catch {
                odd += 1
                if odd > Self.mostWarnings { return report.warnings.append("role '\(role)': and more of the kind") }
                report.warnings.append("\(path.prefix(200)): \(error)")
            }
        }
    }

    /// Removes what no entry names any more.
    private func sweepDocuments(of entries: [CatalogueEntry]) throws {
        let documents = ServedDocuments(directory)
        var named: Set<String> = []
        for entry in entries {
            named.insert(entry.digest.hex)
            guard let manifest = try documents.manifest(of: entry) else { continue }
            named.formUnion(([manifest.config] + manifest.layers).map(\.digest.hex))
        }
        for name in try Files.list(directory.documents) where !named.contains(name) {
            try Files.remove("\(directory.documents)/\(name)")
        }
    }

    private func fetch(
        blob: OCIDescriptor, _ documents: ServedDocuments, from files: MirroredFiles, limit: Int64
    ) throws {
        guard try documents.read(blob.digest, limit: limit) == nil else { return }
        let name = "blobs/sha256/\(blob.digest.hex)"
        try fetch(blob.digest, name, from: files, limit: min(max(0, blob.size), limit))
    }

    private func fetch(_ digest: Digest, _ name: String, from files: MirroredFiles, limit: Int64) throws {
        // The first that has it, and has it right.
        func isRight(_ bytes: [UInt8]) -> Bool { BlobHash.digest(of: bytes) == digest }
        guard let bytes = try files.read(name, limit: Int(limit), where: isRight) else {
            throw DistributionError(.unavailable, "\(source.url)/\(name) is not served")
        }
        guard isRight(bytes) else {
            throw DistributionError(.refused, "\(source.url)/\(name) has not the content \(digest)")
        }
        try Files.write(bytes, to: directory.document(digest), mode: 0o600)
    }
}

extension MetadataDirectory {
    /// What trust begins with: kept already, or the served first root, if it is the one whose digest is trusted.
    func firstRoot(of source: TrustedCatalogue, from place: ServedFiles, now: Timestamp) throws -> [UInt8] {
        do { return try root(source.root, of: source.name) } catch let error as DistributionError
            where error.code == .notTrusted
        {
            guard
                let served = try place.read("metadata/1.root.json", limit: TUF.Limit.root),
                BlobHash.digest(of: served) == source.root
            else {
                throw DistributionError(
                    .notTrusted,
                    "\(place.address) does not serve the trusted root \(source.root) of \(source.name) as metadata/1.root.json: "
                        + "compare the fingerprint with those who publish it, or give the root's file: sojourn site trust "
                        + "--root FILE")
            }
            // What was known by another root is of another catalogue.
            try Files.removeTree(path)
            try Files.makeDirectories(path, mode: 0o700)
            try MetadataUpdater.initialise(self, root: served, now: now)
            return served
        }
    }
}
