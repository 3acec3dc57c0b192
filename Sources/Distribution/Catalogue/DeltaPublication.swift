import Glibc
import GridModel
import ImageFormat
import ImageStore
import Linux
import Trust

/// Writes delta blobs from the images that a new one follows, with the files that tell of them. None of it is signed: who
/// uses a delta verifies each block.
struct DeltaPublication {
    let catalogue: Catalogue
    /// A directory of this home, where deltas are made.
    let scratch: String
    let progress: (String) -> Void

    private var layout: String { "\(catalogue.directory)/blobs/sha256" }
    private var hints: String { "\(catalogue.directory)/deltas/sha256" }

    /// One filesystem and the one that takes its place.
    private struct Step: Hashable {
        let old: ImageLayer
        let new: ImageLayer
    }

    /// Deltas from `predecessors`, whose blobs are in the catalogue, to an image. What is there already is not made again.
    func write(to image: Digest, from predecessors: [Digest]) throws -> [Publication.Result.Delta] {
        let blobs = CatalogueBlobs(catalogue)
        guard let layers = try blobs.manifest(image)?.imageLayers() else { return [] }
        var written: [Publication.Result.Delta] = []
        var done: Set<Step> = []
        for predecessor in predecessors {
            guard let before = try blobs.manifest(predecessor)?.imageLayers() else { continue }
            let known = Set(before.map(\.filesystem.digest))
            for layer in layers where !known.contains(layer.filesystem.digest) {
                let name = Self.unversioned(layer.name)
                guard let old = before.first(where: { Self.unversioned($0.name) == name }) else { continue }
                let step = Step(old: old, new: layer)
                guard done.insert(step).inserted, let delta = try write(step) else { continue }
                written.append(delta)
            }
        }
        return written
    }

    /// Of an environment's name: `lhc/pythia8@debian12`.
    fileprivate static func unversioned(_ name: String) -> String {
        guard let colon = name.firstIndex(of: ":"), let system = name[colon...].firstIndex(of: "@") else { return name }
        return String(name[..<colon] + name[system...])
    }

    private func write(_ step: Step) throws -> Publication.Result.Delta? {
        let (old, new) = (step.old.filesystem.digest, step.new.filesystem.digest)
        var listed = try read(new)
        if listed.deltas.contains(where: { $0.from == old }) { return nil }
        let creation = DeltaCreation(
            from: try BlockFile(step.old, in: layout), to: try BlockFile(step.new, in: layout), scratch: scratch)
        let path = "\(scratch)/delta"
        let label = "delta from \(old.short) to \(new.short) of \(step.new.name)"
        // What becomes hardly smaller in its first parts does not in the others.
        let size = try creation.write(
            to: path, while: { $0 < $1 * 19 / 20 }, progress: { progress("\(label): part \($0 + 1) of \($1)") })
        guard let size else { return nil }
        defer { unlink(path) }
        // One that is not much smaller than the blocks themselves would only take room.
        guard size < creation.content * 9 / 10 else { return nil }
        let digest = try BlobHash.digest(ofFile: path)
        try copy(path, to: "\(layout)/\(digest.hex)")
        listed.deltas.append(DeltaHints.Delta(from: old, digest: digest, size: size))
        listed.deltas = listed.deltas.suffix(DeltaHints.most)
        try Files.makeDirectories(hints)
        try Files.write(try listed.encoded(), to: "\(catalogue.directory)/\(DeltaHints.name(of: new))")
        return Publication.Result.Delta(from: old, to: new, digest: digest, size: size)
    }

    /// What is told of a filesystem, as far as it is there.
    private func read(_ filesystem: Digest) throws -> DeltaHints {
        let path = "\(catalogue.directory)/\(DeltaHints.name(of: filesystem))"
        guard Files.exists(path) else { return DeltaHints() }
        var listed = try DeltaHints(decoding: try Files.read(path, limit: DeltaHints.limit), source: path)
        listed.deltas = try listed.deltas.filter {
            let blob = "\(layout)/\($0.digest.hex)"
            return Files.exists(blob) ? try Files.size(blob) == $0.size : false
        }
        return listed
    }

    /// To another filesystem perhaps; as a whole or not at all.
    private func copy(_ source: String, to target: String) throws {
        let temporary = "\(target).tmp"
        let input = try Descriptor.openRegular(source)
        let output = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
        while let piece = try input.read(upTo: 1 << 20), !piece.isEmpty { try output.write(piece) }
        try output.synchronise()
        try Files.rename(temporary, to: target)
    }
}

// MARK: - Of a publication

extension Publication {
    /// Writes what makes the new images of the drafts cheaper to fetch and quicker to start, before clients hear of them.
    /// What of it fails is told, and holds nothing up.
    func writeHints(_ next: NextMetadata, _ result: inout Result) throws {
        let scratch = "\(store.home.cache)/deltas"
        let work = DeltaPublication(catalogue: catalogue, scratch: scratch, progress: progress)
        for draft in next.drafts where !["root", "targets"].contains(draft.role) {
            let old = try next.published?.trusted.targets[draft.role]?.content.endorsements(source: draft.role) ?? [:]
            for entry in try next.newEntries(draft) {
                guard case .image = entry.name else { continue }
                try copyBootTrace(of: entry.digest)
                let before = Self.predecessors(of: entry, among: Array(old.values), most: deltas)
                if before.isEmpty { continue }
                do {
                    try Files.makeDirectories(scratch, mode: 0o700)
                    let lock = try FileLock.wait("\(scratch)/.lock") { progress("waiting for another publisher") }
                    result.deltas += try withExtendedLifetime(lock) { try work.write(to: entry.digest, from: before) }
                } catch {
                    result.warnings.append("no delta to \(entry.name.description) \(entry.digest.short): \(error)")
                }
            }
        }
    }

    /// The newest of the same software, whatever its version, for the same system; whether still endorsed tomorrow or not.
    private static func predecessors(of entry: Endorsement, among old: [Endorsement], most: Int) -> [Digest] {
        let name = DeltaPublication.unversioned(entry.name.description)
        let same = old.filter { before in
            guard case .image(let environment) = before.name, before.digest != entry.digest else { return false }
            return DeltaPublication.unversioned(environment.description) == name
        }
        let sorted = same.sorted { ($0.endorsed, $0.digest) > ($1.endorsed, $1.digest) }
        return sorted.prefix(most).map(\.digest)
    }

    /// What the image's check machine read, for starts that cannot wait for all of it.
    private func copyBootTrace(of image: Digest) throws {
        let referrers: [OCIDescriptor]
        do { referrers = try store.referrers(of: image) } catch let error as ImageStoreError
            where error.code == .unknownReference
        { return }
        guard let trace = referrers.last(where: { $0.artifactType == MediaType.bootTrace }) else { return }
        guard try store.contentSize(of: trace) <= 16 << 20 else { return }
        let bytes = try store.content(of: trace)
        let directory = "\(catalogue.directory)/traces/sha256"
        try Files.makeDirectories(directory)
        let path = "\(directory)/\(image.hex).json"
        if try !Files.exists(path) || Files.read(path, limit: 16 << 20) != bytes { try Files.write(bytes, to: path) }
    }
}
