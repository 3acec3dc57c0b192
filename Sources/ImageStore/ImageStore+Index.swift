package import GridModel
package import ImageFormat
import Linux
import StrictJSON

extension ImageStore {
    /// Enters a manifest that was built here, whose blobs must be there, under a name that it does not get yet: `makeNewest`
    /// gives it.
    @discardableResult
    package func register(_ manifest: OCIManifest, as name: String, at time: Timestamp) throws -> Digest {
        var entry = try add(try manifest.encoded(), mediaType: MediaType.imageManifest)
        entry.artifactType = manifest.artifactType
        entry.annotations = [
            Annotation.name: name, Annotation.created: time.description, Annotation.builtHere: "true",
        ]
        try withLock {
            try sweep()
            var index = try readIndex()
            try refuseIncomplete(entry, index)
            if let known = index.manifests.firstIndex(where: { $0.digest == entry.digest }) {
                // It may have been imported before.
                index.manifests[known].annotations?[Annotation.builtHere] = "true"
            } else {
                index.manifests.append(entry)
            }
            try write(index)
        }
        return entry.digest
    }

    /// Makes a registered manifest the one that its name means.
    package func makeNewest(_ digest: Digest) throws {
        try withLock {
            var index = try readIndex()
            guard let entry = index.manifests.first(where: { $0.digest == digest }), index.makeNewest(digest) else {
                throw ImageStoreError(.unknownReference, "there is no image \(digest) to name")
            }
            try refuseIncomplete(entry, index)
            try write(index)
        }
    }

    /// While something was built, what it stands on may have been removed.
    private func refuseIncomplete(_ entry: OCIDescriptor, _ index: OCIIndex) throws {
        let name = entry.annotations?[Annotation.name] ?? entry.digest.description
        if let gone = try blobs(of: entry).first(where: { !Files.exists(path(of: $0.digest)) }) {
            throw ImageStoreError(.busy, "the blob \(gone.digest) of \(name) was removed meanwhile; build it again")
        }
        guard entry.artifactType == MediaType.image else { return }
        let configuration = try manifest(entry).config
        let kernel = try ImageConfiguration(
            decoding: try readVerified(configuration, of: name), source: path(of: configuration.digest)
        ).kernel
        guard index.manifests.contains(where: { $0.digest == kernel }) else {
            throw ImageStoreError(.busy, "the kernel \(kernel) of \(name) was removed meanwhile; build it again")
        }
    }

    /// Forgets a manifest with what is said about it, and removes the blobs that nothing else has; returns their bytes.
    @discardableResult
    package func remove(_ digest: Digest) throws -> Int64 {
        try withLock {
            var index = try readIndex()
            guard let position = index.manifests.firstIndex(where: { $0.digest == digest }) else {
                throw ImageStoreError(.unknownReference, "there is no image \(digest) to remove")
            }
            var removed = [index.manifests.remove(at: position)]
            try refuseKernelInUse(removed[0], among: index.manifests)
            if let tag = index.manifests.firstIndex(where: { $0.isReferrers(of: digest) }) {
                removed.append(index.manifests.remove(at: tag))
            }
            let name = removed[0].annotations?[Annotation.name]
            if removed[0].annotations?[Annotation.referenceName] != nil,
                let last = index.manifests.last(where: {
                    $0.annotations?[Annotation.name] == name && $0.annotations?[Annotation.wasNewest] != nil
                })
            {
                _ = index.makeNewest(last.digest)
            }
            let leaving = Set(try removed.flatMap { try blobs(of: $0) })
            try write(index)
            try sweep()
            let kept = Set(try index.manifests.flatMap { try blobs(of: $0) }.map(\.digest))
            var freed: Int64 = 0
            var gone: Set<Digest> = []
            for blob in leaving where !kept.contains(blob.digest) && gone.insert(blob.digest).inserted {
                try Files.remove(path(of: blob.digest))
                try Files.remove(partial(of: blob.digest))
                freed += blob.size
            }
            return freed
        }
    }

    func readIndex() throws -> OCIIndex {
        guard Files.exists(indexPath) else { return OCIIndex() }
        return try StrictJSON.decode(OCIIndex.self, from: try Files.read(indexPath, limit: 4 << 20), source: indexPath)
    }

    func write(_ index: OCIIndex) throws {
        try Files.write(try StrictJSON.encode(index, pretty: true), to: indexPath, mode: 0o644)
    }

    /// The manifest and all that it names; of an index also its manifests. A damaged one names nothing that could be kept.
    func blobs(of entry: OCIDescriptor) throws -> [OCIDescriptor] {
        var own = entry
        own.annotations = nil
        do {
            if entry.mediaType == MediaType.imageIndex {
                return [own] + (try readReferrers(entry).manifests.flatMap { try blobs(of: $0) })
            }
            let found = try self.manifest(entry)
            return [own, found.config] + found.layers
        } catch let error as ImageStoreError where [.corruptedBlob, .missingBlob].contains(error.code) {
            return [own]
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

extension OCIIndex {
    /// Gives a manifest the name that it was entered under, and takes that from any other; false where it is not listed.
    mutating func makeNewest(_ digest: Digest) -> Bool {
        guard let position = manifests.firstIndex(where: { $0.digest == digest }) else { return false }
        var entry = manifests.remove(at: position)
        let name = entry.annotations?[Annotation.name]
        for other in manifests.indices where manifests[other].annotations?[Annotation.name] == name {
            guard manifests[other].annotations?.removeValue(forKey: Annotation.referenceName) != nil else { continue }
            manifests[other].annotations?[Annotation.wasNewest] = "true"
        }
        entry.annotations?[Annotation.wasNewest] = nil
        entry.annotations?[Annotation.referenceName] = name
        manifests.append(entry)
        return true
    }
}
