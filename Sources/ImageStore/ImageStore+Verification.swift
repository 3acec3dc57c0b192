import Dispatch
import Glibc
import GridModel
package import ImageFormat
package import Linux
import Synchronization

extension ImageStore {
    /// Opens a blob read-only after hashing all of it through the same descriptor.
    ///
    /// `owner` is the environment or kernel that it belongs to, for the message that says how to get it back.
    package func openVerified(_ descriptor: OCIDescriptor, of owner: String) throws -> Descriptor {
        let path = path(of: descriptor.digest)
        let remedy = "get it back with: sojourn image scrub; or, if you built it: sojourn image build --fresh \(owner)"
        let file: Descriptor
        do {
            file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
        } catch let error as SystemError where error.isMissing {
            throw ImageStoreError(
                .missingBlob, "blob \(descriptor.digest) of \(owner) is missing: there is no file \(path); \(remedy)")
        }
        let size = try file.size()
        guard size == descriptor.size else {
            throw ImageStoreError(
                .corruptedBlob,
                "blob \(descriptor.digest) of \(owner) is corrupted: \(path) has \(size) bytes instead of "
                    + "\(descriptor.size); \(remedy)")
        }
        let found = try BlobHash.digest(of: file, named: path)
        guard found == descriptor.digest else {
            throw ImageStoreError(
                .corruptedBlob,
                "blob \(descriptor.digest) of \(owner) is corrupted: the content of \(path) is \(found); \(remedy)")
        }
        return file
    }

    /// Opens several blobs as `openVerified` does, on threads of their own; in the order given.
    package func openVerified(_ descriptors: [OCIDescriptor], of owner: String) throws -> [Descriptor] {
        let results = Mutex<[Int: Result<Descriptor, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: descriptors.count) { index in
            let result = Result { try openVerified(descriptors[index], of: owner) }
            results.withLock { $0[index] = result }
        }
        return try results.withLock { results in try descriptors.indices.compactMap { try results[$0]?.get() } }
    }

    /// Reads a small blob, verified.
    func readVerified(_ descriptor: OCIDescriptor, of owner: String) throws -> [UInt8] {
        let limit = 1 << 30
        guard descriptor.size <= limit else {
            throw ImageStoreError(
                .corruptedBlob,
                "blob \(descriptor.digest) of \(owner) is said to have \(descriptor.size) bytes; at most \(limit) are allowed"
            )
        }
        let file = try openVerified(descriptor, of: owner)
        var bytes: [UInt8] = []
        while let chunk = try file.read(upTo: Int(descriptor.size) + 1), !chunk.isEmpty { bytes += chunk }
        return bytes
    }
}

extension ImageStore {
    /// Compares the blobs of an image or kernel, or of all, with their digests. Each fault names its blob.
    package func verify(_ reference: String?) throws -> (sound: Int, faults: [ImageStoreError]) {
        let entries = try reference.map { [try entry($0, type: nil)] } ?? readIndex().manifests
        var seen: Set<Digest> = []
        var faults: [ImageStoreError] = []
        for entry in entries {
            let owner = entry.annotations?[Annotation.name] ?? entry.digest.description
            do {
                for blob in try self.blobs(of: entry) where seen.insert(blob.digest).inserted {
                    if Files.exists(partial(of: blob.digest)), !Files.exists(path(of: blob.digest)) { continue }
                    do { _ = try openVerified(blob, of: owner) } catch let error as ImageStoreError {
                        faults.append(error)
                    }
                }
                if entry.artifactType == MediaType.image { faults += try faultsOfArriving(try image(entry)) }
            } catch let error as ImageStoreError {
                seen.insert(entry.digest)
                faults.append(error)
            }
        }
        return (seen.count - faults.count, faults)
    }

    /// Of blocks that are stored and not what they should be; what has not come is no fault.
    private func faultsOfArriving(_ image: StoredImage) throws -> [ImageStoreError] {
        try image.layers.compactMap { layer in
            let digest = layer.filesystem.digest
            guard Files.exists(partial(of: digest)), !Files.exists(path(of: digest)) else { return nil }
            let blob = try SparseBlob(layer, in: self)
            let damaged = try blob.damaged()
            guard let first = damaged.first else { return nil }
            return ImageStoreError(
                .corruptedBlob,
                "blob \(digest) of \(image.environment) is corrupted: \(damaged.count) of its blocks, block \(first) first; "
                    + "what reads them fetches them again, as does: sojourn image pull \(image.digest)")
        }
    }
}
