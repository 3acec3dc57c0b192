import GridModel
package import ImageFormat
import ImageStore
import Linux

/// What tells of an image that is not here: manifest, configuration and packages, kept by digest.
package struct ServedDocuments: Sendable {
    private let directory: CatalogueDirectory

    static let documentLimit: Int64 = 4 << 20
    static let packagesLimit: Int64 = 16 << 20

    package init(_ directory: CatalogueDirectory) { self.directory = directory }

    /// Nil where it has no list, or where that has not come: either way nobody knows what is in it.
    package func packages(of entry: CatalogueEntry) throws -> [InstalledPackage]? {
        guard let manifest = try manifest(of: entry), let blob = Self.packages(in: manifest),
            let bytes = try read(blob.digest, limit: Self.packagesLimit)
        else { return nil }
        return try PackageList(decoding: bytes, source: directory.document(blob.digest)).packages
    }

    /// Nil where it has not come.
    package func manifest(of entry: CatalogueEntry) throws -> OCIManifest? {
        try read(entry.digest, limit: Self.documentLimit).map {
            try OCIManifest(decoding: $0, source: directory.document(entry.digest))
        }
    }

    /// Nil where it has not come; of an image, not of a kernel.
    package func configuration(of entry: CatalogueEntry) throws -> ImageConfiguration? {
        guard let config = try manifest(of: entry)?.config,
            let bytes = try read(config.digest, limit: Self.documentLimit)
        else { return nil }
        return try ImageConfiguration(decoding: bytes, source: directory.document(config.digest))
    }

    static func packages(in manifest: OCIManifest) -> OCIDescriptor? {
        let found = manifest.layers.filter { $0.mediaType == MediaType.packages }
        return found.count == 1 ? found[0] : nil
    }

    /// Of a document that is here and sound; nil for any other.
    func read(_ digest: Digest, limit: Int64) throws -> [UInt8]? {
        let path = directory.document(digest)
        guard Files.exists(path), try Files.size(path) <= limit else { return nil }
        let bytes = try Files.read(path, limit: Int(limit))
        return BlobHash.digest(of: bytes) == digest ? bytes : nil
    }
}
