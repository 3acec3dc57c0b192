package import GridModel
import HTTPServer
import ImageFormat
package import ImageStore
import Linux
package import Settings
import Synchronization

/// What a home gives to other hosts: the blobs of what its catalogues endorse, which anybody could fetch there. Images that
/// were built here are nobody else's.
package final class SharedBlobs: Sendable {
    private let store: ImageStore
    private let catalogues: [TrustedCatalogue]
    private let known = Mutex(Known())
    private let opened = Mutex<[Digest: SparseBlob]>([:])

    private struct Known {
        /// Where the metadata was that this is of.
        var generations: [String?] = []
        var blobs: Set<Digest> = []
        /// Filesystems, which may be here in part.
        var layers: [Digest: ImageLayer] = [:]
    }

    /// Filesystems that are kept open: those of the machines that start now.
    private static let mostOpen = 32

    package init(_ store: ImageStore, _ catalogues: [TrustedCatalogue]) {
        self.store = store
        self.catalogues = catalogues
    }

    /// What is here now, wholly or in part; at most `HolderRegistry.mostBlobs`.
    package func held() throws -> Set<Digest> {
        try refresh()
        let (blobs, layers) = known.withLock { ($0.blobs, $0.layers) }
        let whole = blobs.filter { Files.exists(store.path(of: $0)) }
        let parts = layers.keys.filter { !whole.contains($0) && Files.exists(store.partial(of: $0)) }
        // Filesystems are what others wait for.
        let sorted = parts.sorted() + whole.sorted { (layers[$0] == nil ? 1 : 0, $0) < (layers[$1] == nil ? 1 : 0, $1) }
        return Set(sorted.prefix(HolderRegistry.mostBlobs))
    }

    /// Answers `blobs/sha256/HEX`.
    func reply(to request: ServerRequest) throws -> ServerReply {
        guard request.method != .post else { return ServerReply(405, "nothing is taken here") }
        guard request.path.count == 3, request.path[0] == "blobs", request.path[1] == "sha256" else { return .notFound }
        let digest: Digest
        do { digest = try Digest(parsing: "sha256:\(request.path[2])") } catch { return .notFound }
        guard known.withLock({ $0.blobs.contains(digest) }) else { return .notFound }
        if let file = try whole(digest) {
            return try ServedContent(file: file, isImmutable: true).reply(to: request)
        }
        guard let blob = try partial(digest) else { return .notFound }
        return try Self.content(of: blob).reply(to: request)
    }

    private func whole(_ digest: Digest) throws -> Descriptor? {
        do { return try Descriptor.openRegular(store.path(of: digest)) } catch let error as SystemError
            where error.isMissing
        { return nil }
    }

    /// Nil where nothing of it is here.
    private func partial(_ digest: Digest) throws -> SparseBlob? {
        guard let layer = known.withLock({ $0.layers[digest] }), Files.exists(store.partial(of: digest)),
            Files.exists(store.path(of: layer.tree.digest))
        else { return nil }
        if let blob = opened.withLock({ $0[digest] }), !blob.isWhole { return blob }
        let blob = try SparseBlob(layer, in: store)
        opened.withLock { opened in
            if opened.count >= Self.mostOpen { opened = [:] }
            opened[digest] = blob
        }
        return blob
    }

    /// Every block is verified before it goes: what is damaged here is not here.
    private static func content(of blob: SparseBlob) -> ServedContent {
        let size = Int64(SparseBlob.blockSize)
        @Sendable func blocks(_ range: Range<Int64>) -> Range<Int> {
            Int(range.lowerBound / size)..<Int((range.upperBound + size - 1) / size)
        }
        return ServedContent(
            size: blob.size, holds: { try blob.missing(in: blocks($0)).isEmpty },
            read: { range in
                let blocks = blocks(range)
                var bytes = [UInt8](repeating: 0, count: blocks.count * Int(size))
                guard try bytes.withUnsafeMutableBytes({ try blob.read(blocks, into: $0) }) else {
                    throw ImageStoreError(.missingBlob, "a block of \(blob.digest) is not here any more")
                }
                let start = Int(range.lowerBound - Int64(blocks.lowerBound) * size)
                return start == 0 && bytes.count == range.count ? bytes : Array(bytes[start..<start + range.count])
            })
    }

    // MARK: What catalogues endorse

    /// Reads catalogues anew where one was synchronised meanwhile.
    private func refresh() throws {
        let generations = catalogues.map { CatalogueDirectory(store.home, name: $0.name).current()?.path }
        if known.withLock({ $0.generations == generations && !$0.blobs.isEmpty }) { return }
        var fresh = Known(generations: generations)
        for source in catalogues {
            var followed: FollowedCatalogue
            // One that cannot be believed endorses nothing.
            do { followed = try FollowedCatalogue(source, home: store.home) } catch { continue }
            let documents = ServedDocuments(followed.directory)
            for role in followed.roles {
                for entry in try followed.entries(of: role).values {
                    guard let manifest = try documents.manifest(of: entry) else { continue }
                    fresh.blobs.formUnion(([manifest.config] + manifest.layers).map(\.digest))
                    if entry.isKernel { continue }
                    for layer in try manifest.imageLayers() { fresh.layers[layer.filesystem.digest] = layer }
                }
            }
        }
        known.withLock { $0 = fresh }
    }
}
