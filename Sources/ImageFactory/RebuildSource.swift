package import GridModel
package import ImageFormat
package import ImageStore
import StrictJSON

/// What an image or a kernel is built again from: its documents, without what they describe.
package struct RebuildSource: Sendable {
    package let digest: Digest
    package let manifest: OCIManifest
    /// The environment, or the kernel's name.
    package let name: String
    let recipes: [RecipeText]
    let lock: Lock
    /// False where it came from elsewhere: what its recipes name on this host is then not looked at.
    let isOwn: Bool
    private let stored: StoredArtifact?

    /// How large a manifest, a recipe or a configuration of a stranger may be; a lock may be larger.
    private static let documentLimit = 4 << 20
    private static let lockLimit: Int64 = 64 << 20

    /// Of a home.
    package init(_ artifact: StoredArtifact, in store: ImageStore) throws {
        digest = artifact.digest
        manifest = artifact.manifest
        name = artifact.name
        recipes = Self.texts(try store.recipes(of: artifact), digest)
        lock = try store.lock(of: artifact)
        isOwn = true
        stored = artifact
    }

    /// From documents alone: `document` gives the bytes of a blob, which are compared with its digest.
    package init(
        manifest bytes: [UInt8], _ digest: Digest, document: (OCIDescriptor) throws -> [UInt8]
    ) throws {
        guard bytes.count <= Self.documentLimit, BlobHash.digest(of: bytes) == digest else {
            throw ImageFactoryError(.wrongInput, "the manifest of \(digest) has another content; fetch it again")
        }
        manifest = try OCIManifest(decoding: bytes, source: "the manifest \(digest)")
        func read(_ blob: OCIDescriptor, limit: Int64) throws -> [UInt8] {
            guard 0...limit ~= blob.size else {
                throw ImageFactoryError(
                    .wrongInput,
                    "\(digest): its \(blob.mediaType) is said to have \(blob.size) bytes; at most \(limit) are read")
            }
            let bytes = try document(blob)
            guard BlobHash.digest(of: bytes) == blob.digest else {
                throw ImageFactoryError(
                    .wrongInput, "\(digest): its \(blob.mediaType) \(blob.digest) has another content; fetch it again")
            }
            return bytes
        }
        self.digest = digest
        let texts = try manifest.layers.filter { $0.mediaType == MediaType.recipe }.map {
            try read($0, limit: Int64(Self.documentLimit))
        }
        recipes = Self.texts(texts, digest)
        let source = "the lock of \(digest)"
        lock = try Lock(decoding: try read(manifest.blob(MediaType.lock), limit: Self.lockLimit), source: source)
        name = lock.layers.last?.name ?? ""
        isOwn = false
        stored = nil
    }

    private static func texts(_ all: [[UInt8]], _ digest: Digest) -> [RecipeText] {
        all.enumerated().map { RecipeText(path: "\(digest.short)/recipe-\($0).yaml", bytes: $1) }
    }

    var isKernel: Bool { manifest.artifactType == MediaType.kernel }

    /// For comparing file by file, where it is an image that is here.
    var storedImage: StoredImage? { if case .image(let image) = stored { image } else { nil } }

    /// Refuses a lock that is not of these recipes.
    func checkLock() throws {
        guard lock.layers.map(\.recipe) == recipes.map({ BlobHash.digest(of: $0.bytes) }) else {
            throw ImageFactoryError(
                .locked, "\(digest) has \(recipes.count) recipes, and a lock of other recipes or of another number")
        }
    }
}
