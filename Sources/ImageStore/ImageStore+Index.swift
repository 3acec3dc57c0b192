package import GridModel
package import ImageFormat
import StrictJSON
import System

extension ImageStore {
    /// Names a manifest, which becomes the newest of its name. Its blobs must be there.
    @discardableResult
    package func tag(_ manifest: OCIManifest, as name: String, at time: Timestamp) throws -> Digest {
        var entry = try add(try manifest.encoded(), mediaType: MediaType.imageManifest)
        entry.artifactType = manifest.artifactType
        entry.annotations = [
            Annotation.name: name, Annotation.referenceName: name, Annotation.created: time.description,
        ]
        try withLock {
            try sweep()
            var index = try readIndex()
            index.manifests.removeAll { $0.digest == entry.digest }
            for position in index.manifests.indices
            where index.manifests[position].annotations?[Annotation.name] == name {
                index.manifests[position].annotations?[Annotation.referenceName] = nil
            }
            index.manifests.append(entry)
            try write(index)
        }
        return entry.digest
    }

    /// Forgets a manifest and removes the blobs that no other one has; returns their bytes.
    @discardableResult
    package func remove(_ digest: Digest) throws -> Int64 {
        try withLock {
            var index = try readIndex()
            guard let position = index.manifests.firstIndex(where: { $0.digest == digest }) else {
                throw ImageStoreError(.unknownReference, "there is no image \(digest) to remove")
            }
            let removed = index.manifests.remove(at: position)
            try refuseKernelInUse(removed, among: index.manifests)
            let name = removed.annotations?[Annotation.name]
            if removed.annotations?[Annotation.referenceName] != nil,
                let last = index.manifests.lastIndex(where: { $0.annotations?[Annotation.name] == name })
            {
                index.manifests[last].annotations?[Annotation.referenceName] = name
            }
            try write(index)
            try sweep()
            let kept = Set(try index.manifests.flatMap { try blobs(of: $0) }.map(\.digest))
            let leaving = try Set(blobs(of: removed)).filter { !kept.contains($0.digest) }
            for blob in leaving { try Files.remove(path(of: blob.digest)) }
            return leaving.reduce(0) { $0 + $1.size }
        }
    }

    func readIndex() throws -> OCIIndex {
        guard Files.exists(indexPath) else { return OCIIndex() }
        return try StrictJSON.decode(OCIIndex.self, from: try Files.read(indexPath, limit: 4 << 20), source: indexPath)
    }

    private func write(_ index: OCIIndex) throws {
        try Files.write(try StrictJSON.encode(index, pretty: true), to: indexPath, mode: 0o644)
    }

    /// The manifest and all that it names. A damaged manifest names nothing that could be kept.
    private func blobs(of entry: OCIDescriptor) throws -> [OCIDescriptor] {
        var manifest = entry
        manifest.annotations = nil
        do {
            let found = try self.manifest(entry)
            return [manifest, found.config] + found.layers
        } catch let error as ImageStoreError where [.corruptedBlob, .missingBlob].contains(error.code) {
            return [manifest]
        }
    }

    private func refuseKernelInUse(_ entry: OCIDescriptor, among others: [OCIDescriptor]) throws {
        guard entry.artifactType == MediaType.kernel else { return }
        let users = try others.filter { $0.artifactType == MediaType.image }.map { try image($0) }
            .filter { $0.configuration.kernel == entry.digest }
        guard users.isEmpty else {
            throw ImageStoreError(
                .inUse,
                "kernel \(entry.digest) is needed by \(users.map(\.environment.description).joined(separator: ", ")); "
                    + "remove these images first")
        }
    }
}
