import GridModel
import ImageStore
import Linux
import Trust

// MARK: - Blobs

extension Publication {
    /// Makes the catalogue hold every blob of what the drafts endorse.
    func bring(_ next: NextMetadata) throws {
        let blobs = CatalogueBlobs(catalogue)
        for draft in next.drafts where !["root", "targets"].contains(draft.role) {
            let new = Set(try next.newEntries(draft).map(\.path))
            let all = try next.roles[draft.role]?.content.endorsements(source: draft.source).values ?? [:].values
            for entry in all.sorted(by: { $0.path < $1.path }) {
                let file = "\(catalogue.directory)/targets/\(entry.servedPath)"
                let isNew = new.contains(entry.path)
                guard isNew || !Files.exists(file) else { continue }
                try bring(entry, isNew: isNew, blobs)
                guard let manifest = try blobs.manifest(entry.digest), let bytes = try blobs.document(entry.digest)
                else { continue }
                guard try bytes.count == entry.length && blobs.name(of: manifest) == entry.name else {
                    throw DistributionError(
                        .refused,
                        "\(draft.source): \(entry.digest) is not \(entry.name.description), or not of \(entry.length) bytes; "
                            + "withdraw the entry from this draft")
                }
                try Files.makeDirectories(Files.parent(of: file))
                if !Files.exists(file) { try Files.write(bytes, to: file) }
            }
        }
    }

    /// From this home, unless all is there. What is endorsed anew brings also what was said about it since.
    private func bring(_ entry: Endorsement, isNew: Bool, _ blobs: CatalogueBlobs) throws {
        let isThere = try blobs.areComplete(entry.digest)
        if isThere && !isNew { return }
        do {
            let artifact = try store.artifact(reference: entry.digest.description)
            _ = try store.export(artifact, to: catalogue.directory, progress: progress)
        } catch let error as ImageStoreError where error.code == .unknownReference {
            guard !isThere else { return }
            throw DistributionError(
                .refused,
                "\(entry.name.description) (\(entry.digest)) is neither in the catalogue nor in this home; where it was "
                    + "endorsed: sojourn image export \(entry.digest) --to DIR, and here: sojourn image import DIR")
        }
    }
}

// MARK: - Metadata

extension Publication {
    /// Writes what the drafts say, with a snapshot and a timestamp that lead to it; returns when these two expire.
    func write(_ next: NextMetadata) throws -> [Timestamp] {
        var files: [String: [UInt8]] = [:]
        for draft in next.drafts where draft.role != "root" {
            files["\(draft.version).\(draft.role).json"] = try draft.published()
        }
        let old = next.published?.trusted
        let snapshot = try online(
            TUF.NewSnapshot(
                version: (old?.snapshot?.content.version ?? 0) + 1, expires: after(lifetimes.snapshot),
                files: try summaries(next)), next, \.snapshot)
        files["\(snapshot.version).snapshot.json"] = try snapshot.published()
        let timestamp = try online(
            TUF.NewTimestamp(
                version: (old?.timestamp?.content.version ?? 0) + 1, expires: after(lifetimes.timestamp),
                snapshot: TUF.FileSummary(try snapshot.published(), version: snapshot.version)), next, \.timestamp)
        let new = files
        var set = MetadataSet(roots: next.rootFiles, timestamp: try timestamp.published()) {
            try new[$0] ?? catalogue.read($0)
        }
        _ = try set.verified()
        set.roots = next.published?.rootFiles ?? []
        try write(files, set, root: next.rootFiles)
        return [snapshot.expires, timestamp.expires]
    }

    /// `before`: the same under the roots that are published.
    private func write(_ files: [String: [UInt8]], _ before: MetadataSet, root: [[UInt8]]) throws {
        let metadata = catalogue.metadata
        for name in try Files.list(metadata) where name.hasSuffix(".tmp") { try Files.remove("\(metadata)/\(name)") }
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) { try Files.write(bytes, to: "\(metadata)/\(name)") }
        let rootFile = "\(metadata)/\(root.count).root.json"
        let writeRoot = { if let newest = root.last { try Files.write(newest, to: rootFile) } }
        guard before.roots.count < root.count else {
            if before.roots.last != root.last { try writeRoot() }
            return try Files.write(before.timestamp, to: "\(metadata)/timestamp.json")
        }
        // A client may meet the old root with the new timestamp: while it believes both, it never meets nothing.
        let isBelievedBefore: Bool
        do {
            _ = try before.verified()
            isBelievedBefore = true
        } catch { isBelievedBefore = false }
        if !isBelievedBefore { try writeRoot() }
        try Files.write(before.timestamp, to: "\(metadata)/timestamp.json")
        if isBelievedBefore { try writeRoot() }
    }

    private func after(_ span: WallTime) -> Timestamp { Timestamp(seconds: now.seconds + span.seconds) }

    /// How the snapshot names each role. One that was there once stays, or clients would refuse the snapshot.
    private func summaries(_ next: NextMetadata) throws -> [String: TUF.FileSummary] {
        var summaries: [String: TUF.FileSummary] = [:]
        for (role, file) in next.published?.trusted.snapshot?.content.files ?? [:] {
            summaries[role] = TUF.FileSummary(
                try catalogue.read("\(file.version).\(role).json"), version: file.version)
        }
        for draft in next.drafts where draft.role != "root" {
            summaries[draft.role] = TUF.FileSummary(try draft.published(), version: draft.version)
        }
        return summaries
    }

    /// Signed by the keys of the root that is published and of the next one, as far as this home has them.
    private func online(
        _ content: some TUF.DraftContent, _ next: NextMetadata, _ role: KeyPath<TUF.Root, TUF.Signers>
    ) throws -> TUF.Draft {
        let signers = [next.root] + (next.published.map { [$0.root] } ?? [])
        let ids = Set(signers.flatMap { $0[keyPath: role].keys.keys })
        var draft = try TUF.Draft(content, signers: Array(ids))
        try keys.sign(&draft, with: try keys.held(Array(ids)))
        let needed = next.root[keyPath: role]
        guard try draft.count(of: needed) >= needed.threshold else {
            let names = needed.keys.values.map(\.shown).sorted().joined(separator: ", ")
            throw DistributionError(
                .refused,
                "this home does not hold the online key of \(catalogue.directory) that signs its \(draft.role): \(names); "
                    + "publish and refresh where that is")
        }
        return draft
    }
}

extension Endorsement {
    /// Under which the manifest is served: consistent snapshots have the hash in the name.
    var servedPath: String { "\(path.dropLast(64))\(digest.hex).\(digest.hex)" }
}
