import Glibc
package import GridModel
package import ImageFormat
import Linux
import StrictJSON

/// The images of a home: an OCI image layout (image-spec 1.1, "Image Layout") that `skopeo` reads as `oci:HOME/images:NAME`.
///
/// Blobs never change; `index.json` changes as a whole under a lock.
package struct ImageStore: Sendable {
    package let home: Home

    package init(home: Home) throws {
        self.home = home
        try Files.makeDirectories(blobs, mode: 0o700)
        let layout = "\(home.images)/oci-layout"
        if !Files.exists(layout) {
            try Files.write(try StrictJSON.encode(OCILayout(), pretty: false), to: layout, mode: 0o644)
        }
    }

    var blobs: String { "\(home.images)/blobs/sha256" }
    var indexPath: String { "\(home.images)/index.json" }

    /// Where a blob is or would be.
    package func path(of digest: Digest) -> String { "\(blobs)/\(digest.hex)" }

    /// Stores bytes as a blob.
    package func add(_ bytes: [UInt8], mediaType: String, annotations: [String: String]? = nil) throws -> OCIDescriptor
    {
        let digest = BlobHash.digest(of: bytes)
        try withLock {
            // Written even where it is there already: the one there may be damaged.
            try Files.write(bytes, to: path(of: digest), mode: 0o444)
        }
        return OCIDescriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count), annotations: annotations)
    }

    /// Makes a file of this home's filesystem a blob: it is moved, not copied. What is no file by itself, but a link or one
    /// of two names of a file, is refused.
    package func add(
        movingFile file: String, mediaType: String, annotations: [String: String]? = nil
    ) throws -> OCIDescriptor {
        let opened = try Descriptor.openRegular(file, O_NOFOLLOW)
        guard try opened.links() == 1 else {
            throw ImageStoreError(.corruptedBlob, "\(file) has another name, through which it could be changed")
        }
        let size = try opened.size()
        let digest = try BlobHash.digest(of: opened, named: file)
        try retrying("make \(file) read-only") { fchmod(opened.raw, 0o444) }
        try opened.synchronise()
        try withLock { try Files.rename(file, to: path(of: digest)) }
        return OCIDescriptor(mediaType: mediaType, digest: digest, size: size, annotations: annotations)
    }

    /// Runs `body` while no other process changes the index or writes a blob.
    func withLock<Result>(_ body: () throws -> Result) throws -> Result {
        let lock = try FileLock.wait("\(home.images)/.lock")
        return try withExtendedLifetime(lock) { try body() }
    }

    /// Removes what interrupted writes left.
    package func sweepInterrupted() throws { try withLock { try sweep() } }

    /// Removes what interrupted writes left. Under the lock nobody else is writing.
    func sweep() throws {
        for directory in [blobs, home.images] {
            for name in try Files.list(directory) where name.hasSuffix(".tmp") {
                try Files.remove("\(directory)/\(name)")
            }
        }
    }
}
