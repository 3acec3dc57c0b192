import Glibc
package import GridModel
import ImageFormat
import Linux

/// What was damaged on the disk: a filesystem, or another blob.
package struct DamagedBlob: Sendable {
    /// The environment or kernel that it belongs to.
    package let owner: String
    package let digest: Digest
    /// What was wrong, for people.
    package let what: String
    /// Why it could not be fetched again; nil where it was.
    package let fault: String?
}

extension ImageStore {
    /// Looks at every blob, and every block that is stored of every filesystem, and fetches what is damaged again where a
    /// place has it.
    package func scrub(
        from places: @escaping RangePlaces, patience: Duration, progress: (String) -> Void
    ) throws -> [DamagedBlob] {
        var seen: Set<Digest> = []
        var found: [DamagedBlob] = []
        for entry in try readIndex().manifests {
            let owner = entry.annotations?[Annotation.name] ?? entry.digest.description
            progress(owner)
            // A damaged manifest names nothing: once it is mended, the rest is looked at.
            for _ in 0..<2 {
                for blob in try blobs(of: entry) where blob.mediaType != MediaType.layer {
                    guard seen.insert(blob.digest).inserted else { continue }
                    if let damaged = try scrub(blob, of: owner, from: places) { found.append(damaged) }
                }
            }
            guard entry.artifactType == MediaType.image else { continue }
            for layer in try image(entry).layers where seen.insert(layer.filesystem.digest).inserted {
                if let damaged = try scrub(layer, of: owner, from: places, patience) { found.append(damaged) }
            }
        }
        return found
    }

    private func scrub(_ blob: OCIDescriptor, of owner: String, from places: RangePlaces) throws -> DamagedBlob? {
        do {
            _ = try openVerified(blob, of: owner)
            return nil
        } catch let error as ImageStoreError {
            var fault: String?
            do { try fetchAgain(blob, from: places) } catch { fault = "\(error)" }
            return DamagedBlob(owner: owner, digest: blob.digest, what: error.message, fault: fault)
        }
    }

    /// As a whole, from the first place that has it.
    private func fetchAgain(_ blob: OCIDescriptor, from places: RangePlaces) throws {
        let temporary = "\(blobs)/\(blob.digest.hex).\(Host.processID).tmp"
        let part = "\(temporary).part"
        defer { for path in [temporary, part] { unlink(path) } }
        _ = try WholeBlob(blob, at: part).bring(to: temporary, from: try places(blob))
        _ = try add(movingFile: temporary, mediaType: blob.mediaType)
    }

    private func scrub(
        _ layer: ImageLayer, of owner: String, from places: @escaping RangePlaces, _ patience: Duration
    ) throws -> DamagedBlob? {
        let blob: SparseBlob
        do { blob = try SparseBlob(layer, in: self) } catch {
            return DamagedBlob(
                owner: owner, digest: layer.filesystem.digest, what: "its verity tree cannot be read", fault: "\(error)"
            )
        }
        let damaged = try blob.damaged()
        guard let first = damaged.first else { return nil }
        let fetch = BlockFetch(blob, from: places, patience: patience)
        var fault: String?
        do {
            for block in damaged { try fetch.bring(block..<block + 1) }
            _ = try blob.finish()
        } catch { fault = "\(error)" }
        return DamagedBlob(
            owner: owner, digest: blob.digest,
            what: "blob \(blob.digest) of \(owner): \(damaged.count) of its blocks are damaged, block \(first) first",
            fault: fault)
    }
}
