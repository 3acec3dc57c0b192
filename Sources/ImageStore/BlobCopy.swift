import Crypto
import Glibc
import GridModel
import ImageFormat
import Linux

/// Copies files whose content is known by digest. The other side may be hostile, or change while it is read.
enum BlobCopy {
    /// Copies `source` to `target`, which comes into being as a whole, durable and of that content, or not at all.
    /// Holes stay holes.
    static func copy(_ content: Lock.Input, from source: String, to target: String, mode: UInt32) throws {
        let input = try open(content, at: source)
        let temporary = "\(target).tmp"
        do {
            // A leftover of a killed copy, or somebody's link: not to be written through.
            try Files.remove(temporary)
            let output = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
            var copy = SparseCopy(input, into: output, named: source)
            let found = try copy.run(size: content.size)
            guard found == content.digest else { throw wrongContent(content, at: source, found) }
            try retrying("set the mode of \(temporary)") { fchmod(output.raw, mode) }
            try output.synchronise()
            try Files.rename(temporary, to: target)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// True where `path` holds this content.
    static func isSound(_ content: Lock.Input, at path: String) throws -> Bool {
        guard let status = try FileStatus.ifPresent(path), status.kind == .file, status.size == content.size else {
            return false
        }
        return try BlobHash.digest(of: try open(content, at: path), named: path) == content.digest
    }

    /// Reads a file of at most `limit` bytes that must have this content.
    static func read(_ content: Lock.Input, at path: String, limit: Int64) throws -> [UInt8] {
        guard content.size <= limit else {
            throw ImageStoreError(
                .unsuitableLayout,
                "\(path) (\(content.name)) is said to have \(content.size) bytes; at most \(limit) are allowed")
        }
        let file = try open(content, at: path)
        var bytes: [UInt8] = []
        while bytes.count < content.size, let piece = try file.read(upTo: Int(content.size) - bytes.count),
            !piece.isEmpty
        {
            bytes += piece
        }
        let found = BlobHash.digest(of: bytes)
        guard found == content.digest else { throw wrongContent(content, at: path, found) }
        return bytes
    }

    /// Bytes that a file takes on its disk; 0 where there is none.
    static func allocated(_ path: String) throws -> Int64 { (try FileStatus.ifPresent(path)?.blocks ?? 0) * 512 }

    /// Opens a regular file of that size.
    private static func open(_ content: Lock.Input, at path: String) throws -> Descriptor {
        guard let status = try FileStatus.ifPresent(path) else {
            throw ImageStoreError(
                .missingBlob, "\(content.digest) (\(content.name)) is missing: there is no file \(path)")
        }
        guard status.kind == .file else {
            throw ImageStoreError(.unsuitableLayout, "\(path) (\(content.name)) is no regular file")
        }
        // Not waiting, should it have become a pipe since.
        let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        let size = try file.size()
        guard size == content.size else {
            throw ImageStoreError(
                .corruptedBlob, "\(path) (\(content.name)) has \(size) bytes where \(content.size) were expected")
        }
        return file
    }

    private static func wrongContent(_ content: Lock.Input, at path: String, _ found: GridModel.Digest)
        -> ImageStoreError
    {
        ImageStoreError(
            .corruptedBlob, "\(path) (\(content.name)) has the content \(found) where \(content.digest) was expected")
    }
}

/// One copy under way: what was read so far, and its hash.
private struct SparseCopy {
    let input: Descriptor
    let output: Descriptor
    let name: String
    private let zeros: [UInt8]
    private var hash = SHA256()
    private var offset: Int64 = 0

    init(_ input: Descriptor, into output: Descriptor, named name: String) {
        self.input = input
        self.output = output
        self.name = name
        zeros = [UInt8](repeating: 0, count: 1 << 20)
    }

    /// Returns the digest of all `size` bytes; holes are hashed as the zeros that they read as.
    mutating func run(size: Int64) throws -> GridModel.Digest {
        try retrying("set the size of the copy of \(name)") { ftruncate(output.raw, off_t(size)) }
        while offset < size {
            let data = try input.dataRange(from: offset) ?? size..<size
            passHole(to: min(data.lowerBound, size))
            while offset < min(data.upperBound, size) { try copyPiece(before: min(data.upperBound, size)) }
        }
        return Digest(bytes: hash.finalize())
    }

    private mutating func passHole(to end: Int64) {
        while offset < end {
            let count = Int(min(end - offset, Int64(zeros.count)))
            hash.update(data: zeros[..<count])
            offset += Int64(count)
        }
    }

    private mutating func copyPiece(before end: Int64) throws {
        let count = Int(min(end - offset, Int64(zeros.count)))
        let piece = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try input.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        guard !piece.isEmpty else {
            throw ImageStoreError(.corruptedBlob, "\(name) became shorter while it was read")
        }
        hash.update(data: piece)
        try piece.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                done += try retrying("write the copy of \(name)") {
                    pwrite(output.raw, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + done)
                }
            }
        }
        offset += Int64(piece.count)
    }
}

extension OCIDescriptor {
    /// As a file to copy.
    var content: Lock.Input { Lock.Input(name: mediaType, digest: digest, size: size) }
}
