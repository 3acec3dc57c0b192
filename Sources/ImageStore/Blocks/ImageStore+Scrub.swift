package import GridModel
import ImageFormat

/// A filesystem of which blocks were damaged on the disk.
package struct DamagedFilesystem: Sendable {
    package let environment: Environment
    package let digest: Digest
    /// How many, and the first of them.
    package let blocks: Int
    package let first: Int
    /// Why they could not be fetched again; nil where they were.
    package let fault: String?
}

extension ImageStore {
    /// Looks at every block that is stored of every image, and fetches what is damaged again where a place has it.
    package func scrub(
        from places: @escaping RangePlaces, patience: Duration, progress: (String) -> Void
    ) throws -> [DamagedFilesystem] {
        var seen: Set<Digest> = []
        var found: [DamagedFilesystem] = []
        for image in try images() {
            for layer in image.layers where seen.insert(layer.filesystem.digest).inserted {
                progress("\(image.environment), \(layer.name)")
                let blob = try SparseBlob(layer, in: self)
                let damaged = try blob.damaged()
                guard let first = damaged.first else { continue }
                let fetch = BlockFetch(blob, from: places, patience: patience)
                var fault: String?
                do {
                    for block in damaged { try fetch.bring(block..<block + 1) }
                    _ = try blob.finish()
                } catch { fault = "\(error)" }
                found.append(
                    DamagedFilesystem(
                        environment: image.environment, digest: blob.digest, blocks: damaged.count, first: first,
                        fault: fault))
            }
        }
        return found
    }
}
