import GridModel
import HTTPTransport
import ImageFormat
import ImageStore
import Linux
import Settings
import Synchronization
import Trust

/// Copies one catalogue into a mirror.
struct CatalogueCopy {
    private let source: TrustedCatalogue
    private let directory: MirrorDirectory
    private let transport: HTTPTransport
    private let now: Timestamp
    private let isThorough: Bool
    private let progress: (String) -> Void
    private let served: ServedFiles

    private static let traceLimit = 4 << 20
    /// To one filesystem; the newest are last in the list.
    private static let mostDeltas = 8

    init(
        _ source: TrustedCatalogue, _ directory: MirrorDirectory, _ transport: HTTPTransport, now: Timestamp,
        isThorough: Bool, progress: @escaping (String) -> Void
    ) {
        self.source = source
        self.directory = directory
        self.transport = transport
        self.now = now
        self.isThorough = isThorough
        self.progress = progress
        served = ServedFiles(address: source.url.description, transport: transport)
    }

    /// What is found while copying.
    private struct Found {
        /// Files by their path from the mirror's directory.
        var named: Set<String> = []
        var missing: [String] = []
        /// Whose hints are yet to be copied.
        var images: [(entry: CatalogueEntry, manifest: OCIManifest)] = []
    }

    func run(_ report: inout MirrorCopy.Report.Catalogue) throws {
        try directory.make(source.name)
        let known = directory.known(source.name)
        try known.update { metadata in
            progress("\(source.name): metadata")
            let root = try metadata.firstRoot(of: source, from: served, now: now)
            let recorder = RecordedFiles(ServedFiles(address: "\(served.address)/metadata", transport: transport))
            var updater = try MetadataUpdater(metadata, root: root, now: now, source: recorder)
            try updater.refresh()
            var found = Found()
            for role in updater.trusted.targets["targets"]?.content.delegations.map(\.name) ?? [] {
                do { try updater.update(role: role, delegator: "targets") } catch let error as TrustError
                    where error.code == .expired
                { report.warnings.append("role '\(role)': \(error)") }
                if let expires = updater.trusted.expiry(of: role) {
                    report.expires = min(report.expires ?? expires, expires)
                }
                try copyArtifacts(of: role, updater.trusted, &found, &report)
            }
            guard found.missing.isEmpty else {
                throw DistributionError(
                    .unavailable,
                    "\(found.missing.count) parts of it could not be had, and what is served of it stays as it was: "
                        + found.missing.prefix(5).joined(separator: "; "))
            }
            // What is not signed takes no room from what is.
            for (entry, manifest) in found.images { try copyHints(entry, manifest, &found, &report) }
            try copyRoots(metadata, &found, &report)
            try write(updater.trusted, recorder, &found)
            try directory.keep(named: found.named, by: source.name)
        }
    }

    // MARK: Metadata

    /// All from the first: whoever trusts an old one walks from there.
    private func copyRoots(
        _ metadata: MetadataDirectory, _ found: inout Found, _ report: inout MirrorCopy.Report.Catalogue
    ) throws {
        let versions = try metadata.rootVersions()
        guard let last = versions.last else { return }
        for version in 1...last {
            let name = "metadata/\(version).root.json"
            // Before the trusted one nobody here can verify any: clients do.
            guard let bytes = try metadata.readRoot(version: version) ?? served.read(name, limit: TUF.Limit.root) else {
                report.warnings.append("\(source.url) does not serve \(name)")
                continue
            }
            try put(bytes, name, &found)
        }
    }

    /// The timestamp last, when all else is on the disk.
    private func write(_ trusted: TrustedMetadata, _ recorder: RecordedFiles, _ found: inout Found) throws {
        let isConsistent = trusted.root.content.isConsistent
        func name(_ role: String, _ version: Int64) -> String {
            isConsistent ? "\(version).\(role).json" : "\(role).json"
        }
        guard let timestamp = trusted.timestamp, let snapshot = trusted.snapshot else {
            preconditionFailure("a refresh ends with both")
        }
        for (role, file) in snapshot.content.files {
            let name = name(PercentEncoding.of(role), file.version)
            // A role that has expired is not believed here, and is served all the same: its time is judged by clients.
            guard let bytes = trusted.targets[role]?.bytes ?? recorder.bytes(of: name) else { continue }
            try put(bytes, "metadata/\(name)", &found)
        }
        try put(snapshot.bytes, "metadata/\(name("snapshot", timestamp.content.snapshot.version))", &found)
        try Files.synchroniseFilesystem(of: directory.path)
        try put(timestamp.bytes, "metadata/timestamp.json", &found)
    }

    private func put(_ bytes: [UInt8], _ name: String, _ found: inout Found) throws {
        try directory.write(bytes, to: "\(source.name)/\(name)")
        found.named.insert("\(source.name)/\(name)")
    }

    // MARK: Images

    private func copyArtifacts(
        of role: String, _ trusted: TrustedMetadata, _ found: inout Found, _ report: inout MirrorCopy.Report.Catalogue
    ) throws {
        for (path, target) in (trusted.targets[role]?.content.targets ?? [:]).sorted(by: { $0.key < $1.key }) {
            let entry: CatalogueEntry
            do { entry = try CatalogueEntry(path, target, role: role) } catch {
                report.warnings.append("not copied: \(error)")
                continue
            }
            if entry.until <= now { continue }
            do {
                try copy(entry, &found, &report)
                report.artifacts += 1
            } catch let error as HTTPTransportError where [.unreachable, .tooSlow].contains(error.code) {
                throw error
            } catch let error as SystemError { throw error } catch let error as ImageStoreError
                where error.code == .noSpace
            { throw error } catch {
                found.missing.append("\(entry.name) \(entry.digest.short): \(error)")
            }
        }
    }

    private func copy(
        _ entry: CatalogueEntry, _ found: inout Found, _ report: inout MirrorCopy.Report.Catalogue
    ) throws {
        let parts = entry.path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let name = "targets/\(parts.dropLast().joined(separator: "/"))/\(entry.digest.hex).\(parts.last ?? "")"
        let bytes = try manifest(entry, at: name)
        let manifest = try OCIManifest(decoding: bytes, source: "\(source.url)/\(name)")
        var seen: Set<Digest> = []
        let blobs = ([manifest.config] + manifest.layers).filter { seen.insert($0.digest).inserted }
        if let odd = blobs.first(where: { !(0...1 << 44).contains($0.size) }) {
            throw DistributionError(.refused, "its manifest names a blob of \(odd.size) bytes")
        }
        for blob in blobs { try bring(blob, for: entry.name, &found, &report) }
        try put(bytes, name, &found)
        found.images.append((entry, manifest))
    }

    /// From the mirror, where it is right there.
    private func manifest(_ entry: CatalogueEntry, at name: String) throws -> [UInt8] {
        let path = "\(directory.path)/\(source.name)/\(name)"
        if Files.exists(path), try Files.size(path) == entry.length {
            let bytes = try Files.read(path, limit: Int(entry.length))
            if BlobHash.digest(of: bytes) == entry.digest { return bytes }
        }
        guard let bytes = try served.read(name, limit: Int(entry.length)) else {
            throw DistributionError(.unavailable, "\(source.url)/\(name) is not served")
        }
        guard BlobHash.digest(of: bytes) == entry.digest else {
            throw DistributionError(.refused, "\(source.url)/\(name) has not the content \(entry.digest)")
        }
        return bytes
    }

    private func bring(
        _ blob: OCIDescriptor, for name: String, _ found: inout Found, _ report: inout MirrorCopy.Report.Catalogue
    ) throws {
        found.named.insert("blobs/sha256/\(blob.digest.hex)")
        let work = MirrorBlob(directory: directory, blob: blob)
        if try work.isThere(isThorough: isThorough) { return }
        let free = try Files.freeSpace(directory.path)
        guard free - blob.size > 16 << 20 else {
            throw ImageStoreError(
                .noSpace,
                "the blob \(blob.digest) of \(name) has \(ByteCount(blob.size).rounded), the disk of \(directory.path) has "
                    + "\(ByteCount(free).rounded) left; make room there")
        }
        report.bytes += try work.fetch(from: served.address, over: transport) { came in
            progress("\(source.name): \(name), \(ByteCount(came).rounded) of \(ByteCount(blob.size).rounded)")
        }
        report.blobs += 1
    }

    // MARK: Hints

    /// What makes fetching cheaper and is not signed: which deltas there are, and what a boot reads. None of it is needed.
    private func copyHints(
        _ entry: CatalogueEntry, _ manifest: OCIManifest, _ found: inout Found,
        _ report: inout MirrorCopy.Report.Catalogue
    ) throws {
        for layer in manifest.layers where layer.mediaType == MediaType.layer {
            let name = DeltaHints.name(of: layer.digest)
            guard let bytes = try hint(name, limit: DeltaHints.limit, &report) else { continue }
            do {
                var hints = try DeltaHints(decoding: bytes, source: "\(source.url)/\(name)")
                // Anybody on the way may write hints: more than these are none of a catalogue's, and nothing is gained.
                hints.deltas = hints.deltas.filter { $0.size < layer.size }.suffix(Self.mostDeltas)
                for delta in hints.deltas {
                    let blob = OCIDescriptor(mediaType: MediaType.delta, digest: delta.digest, size: delta.size)
                    try bring(blob, for: "\(entry.name), delta", &found, &report)
                }
                try put(try hints.encoded(), name, &found)
            } catch let error as SystemError { throw error } catch {
                report.warnings.append("\(name) is not copied: \(error)")
            }
        }
        let name = "traces/sha256/\(entry.digest.hex).json"
        guard let bytes = try hint(name, limit: Self.traceLimit, &report) else { return }
        do {
            _ = try BootTrace(decoding: bytes, source: "\(source.url)/\(name)")
            try put(bytes, name, &found)
        } catch let error as SystemError { throw error } catch {
            report.warnings.append("\(name) is not copied: \(error)")
        }
    }

    private func hint(_ name: String, limit: Int, _ report: inout MirrorCopy.Report.Catalogue) throws -> [UInt8]? {
        do { return try served.read(name, limit: limit) } catch let error as HTTPTransportError
            where ![.unreachable, .tooSlow].contains(error.code)
        {
            report.warnings.append("\(name) is not copied: \(error)")
            return nil
        }
    }
}

/// Files as they were served last.
final class RecordedFiles: MetadataSource {
    private let files: ServedFiles
    private let read = Mutex<[String: [UInt8]]>([:])

    init(_ files: ServedFiles) { self.files = files }

    var description: String { files.description }

    func read(_ name: String, limit: Int) throws -> [UInt8]? {
        let bytes = try files.read(name, limit: limit)
        read.withLock { $0[name] = bytes }
        return bytes
    }

    func bytes(of name: String) -> [UInt8]? { read.withLock { $0[name] } }
}
