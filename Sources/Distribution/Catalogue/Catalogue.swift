import Glibc
package import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON
package import Trust

/// A catalogue that is written here: a directory of static files, at the same time a TUF repository with consistent
/// snapshots (`metadata/`, `targets/`) and an OCI image layout.
package struct Catalogue: Sendable {
    package let directory: String

    package init(at directory: String) {
        var path = directory[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = String(path)
    }

    var metadata: String { "\(directory)/metadata" }
    private var timestampPath: String { "\(metadata)/timestamp.json" }

    /// Where drafts wait for signatures: beside the catalogue, since all of that is served.
    package var drafts: String { "\(directory).drafts" }

    package func draftPath(_ role: String, version: Int64) -> String { "\(drafts)/\(role)-\(version).json" }

    package var isPublished: Bool { Files.exists(timestampPath) }

    /// What the catalogue says at this moment, signatures and versions verified.
    package func published() throws -> PublishedCatalogue {
        guard isPublished else {
            throw DistributionError(
                .unknownReference,
                "\(directory) is no catalogue: there is no \(timestampPath); make one with: sojourn catalogue init "
                    + "\(directory)")
        }
        // Read anew where another was published meanwhile.
        for _ in 0..<10 {
            let timestamp = try Files.read(timestampPath, limit: TUF.Limit.timestamp)
            let set = MetadataSet(roots: try roots(), timestamp: timestamp, file: read)
            do { return PublishedCatalogue(trusted: try set.verified(), set: set) } catch let fault as TrustError {
                if try timestamp != Files.read(timestampPath, limit: TUF.Limit.timestamp) { continue }
                return try beforeLastRoot(set, fault)
            }
        }
        throw DistributionError(.stale, "\(directory) is being changed all the time; try again")
    }

    /// A root that took the place of a lost online key is published before what the new key signs: whoever was
    /// interrupted there goes on from here.
    private func beforeLastRoot(_ set: MetadataSet, _ fault: TrustError) throws -> PublishedCatalogue {
        var earlier = set
        earlier.roots.removeLast()
        guard !earlier.roots.isEmpty else { throw fault }
        do { return PublishedCatalogue(trusted: try earlier.verified(), set: set) } catch is TrustError {
            // Not that, then: the newest root tells best what is wrong.
            throw fault
        }
    }

    private func roots() throws -> [[UInt8]] {
        var roots: [[UInt8]] = []
        while true {
            let path = "\(metadata)/\(roots.count + 1).root.json"
            guard Files.exists(path) else { return roots }
            roots.append(try Files.read(path, limit: TUF.Limit.root))
        }
    }

    /// A metadata file by its name.
    func read(_ name: String) throws -> [UInt8] { try Files.read("\(metadata)/\(name)", limit: TUF.Limit.targets) }

    /// What a role said in one of its versions; nil where that is not there.
    func version(_ version: Int64, of role: String) throws -> [UInt8]? {
        let name = "\(version).\(role).json"
        return Files.exists("\(metadata)/\(name)") ? try read(name) : nil
    }

    /// Runs `body` while no other program of ours publishes here. The lock leaves nothing behind.
    func withLock<Result>(waiting: () -> Void = {}, _ body: () throws -> Result) throws -> Result {
        let opened = try Descriptor.open(metadata, O_RDONLY | O_DIRECTORY)
        if flock(opened.raw, LOCK_EX | LOCK_NB) < 0 {
            waiting()
            try retrying("lock \(metadata)") { flock(opened.raw, LOCK_EX) }
        }
        return try withExtendedLifetime(opened) { try body() }
    }

    /// Makes the directory what it is to be, before anything is published in it.
    func make() throws {
        let mark = "\(directory)/oci-layout"
        try Files.makeDirectories(directory)
        if !Files.exists(mark) {
            guard try Files.list(directory).allSatisfy({ $0.hasSuffix(".tmp") }) else {
                throw DistributionError(
                    .refused, "\(directory) holds other files; give a new or empty directory for the catalogue")
            }
            try Files.write(try StrictJSON.encode(OCILayout()), to: mark)
        }
        for part in ["metadata", "targets", "blobs/sha256"] { try Files.makeDirectories("\(directory)/\(part)") }
        let index = "\(directory)/index.json"
        if !Files.exists(index) { try Files.write(try StrictJSON.encode(OCIIndex(), pretty: true), to: index) }
    }
}

/// What a catalogue says at one moment.
package struct PublishedCatalogue: Sendable {
    /// Judged as if nothing had expired.
    package let trusted: TrustedMetadata
    let rootFiles: [[UInt8]]
    let timestamp: [UInt8]

    init(trusted: TrustedMetadata, set: MetadataSet) {
        self.trusted = trusted
        rootFiles = set.roots
        timestamp = set.timestamp
    }

    /// Of the first root: what a site compares before it trusts the catalogue.
    package var fingerprint: Digest? { rootFiles.first.map { BlobHash.digest(of: $0) } }

    package var root: TUF.Root { trusted.root.content }
    package var targets: TUF.Targets? { trusted.targets["targets"]?.content }

    package func delegation(_ experiment: String) throws -> TUF.Delegation {
        let all = targets?.delegations ?? []
        guard let found = all.first(where: { $0.name == experiment }) else {
            throw DistributionError(
                .unknownReference,
                "the catalogue has no experiment '\(experiment)': "
                    + NearestNames.hint(for: experiment, among: all.map(\.name))
                    + "; add it with: sojourn catalogue add-experiment \(experiment)")
        }
        return found
    }

    /// Who signs for `root`, `timestamp`, `snapshot`, `targets` or an experiment.
    package func signers(of role: String) throws -> TUF.Signers {
        switch role {
        case "root": root.root
        case "timestamp": root.timestamp
        case "snapshot": root.snapshot
        case "targets": root.targets
        default: try delegation(role).signers
        }
    }

    /// 0 for a role that was never published.
    package func version(of role: String) -> Int64 {
        role == "root" ? root.version : trusted.version(of: role)
    }
}
