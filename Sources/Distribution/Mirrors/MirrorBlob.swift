import GridModel
import HTTPTransport
import ImageFormat
import ImageStore
import Linux

/// Brings one blob into a mirror: on its way it has a name that nobody serves, and what came before a kill is not fetched
/// again.
struct MirrorBlob {
    let directory: MirrorDirectory
    let blob: OCIDescriptor

    /// True where it is there, of the right size; `isThorough` looks at the content too, and removes what is wrong.
    func isThere(isThorough: Bool) throws -> Bool {
        let path = directory.blob(blob.digest)
        guard Files.exists(path) else { return false }
        let isRight = try Files.size(path) == blob.size
        if isRight, !isThorough { return true }
        if isRight, try BlobHash.digest(ofFile: path) == blob.digest { return true }
        try Files.remove(path)
        return false
    }

    /// The bytes that came.
    func fetch(from address: String, over transport: HTTPTransport, progress: (Int64) -> Void) throws -> Int64 {
        try WholeBlob(blob, at: "\(directory.partial)/\(blob.digest.hex)", mode: 0o644)
            .bring(
                to: directory.blob(blob.digest), from: ServedRanges(address: address, transport: transport),
                progress: progress
            ).bytes
    }
}
