import Crypto
import Glibc
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
        let url = "\(address)/blobs/sha256/\(blob.digest.hex)"
        let part = "\(directory.partial)/\(blob.digest.hex)"
        let file = try Descriptor.open(part, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o644)
        var hash = SHA256()
        var size = try hashBeginning(of: file, into: &hash)
        var came: Int64 = 0
        try transport.download(
            url, from: size, limit: blob.size,
            start: { offset in
                guard offset != size else { return }
                (size, hash) = (0, SHA256())
                try retrying("begin \(part) anew") { ftruncate(file.raw, 0) }
                try retrying("begin \(part) anew") { Int(lseek(file.raw, 0, SEEK_SET)) }
            },
            sink: { piece in
                try file.write(piece)
                hash.update(data: piece)
                size += Int64(piece.count)
                came += Int64(piece.count)
                progress(came)
            })
        let found = GridModel.Digest(bytes: hash.finalize())
        guard size == blob.size, found == blob.digest else {
            try Files.remove(part)
            throw DistributionError(
                .refused,
                "\(url): \(size) bytes of the content \(found), where \(blob.size) of \(blob.digest) were promised; tell "
                    + "those who serve it")
        }
        try file.synchronise()
        try Files.rename(part, to: directory.blob(blob.digest))
        return came
    }

    private func hashBeginning(of file: Descriptor, into hash: inout SHA256) throws -> Int64 {
        if try file.size() > blob.size {
            try retrying("begin the blob \(blob.digest) anew") { ftruncate(file.raw, 0) }
        }
        var size: Int64 = 0
        while let piece = try file.read(upTo: 1 << 20), !piece.isEmpty {
            hash.update(data: piece)
            size += Int64(piece.count)
        }
        return size
    }
}
