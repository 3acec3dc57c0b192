import GridModel
import ImageFormat
import ImageStore

/// The filesystems of an image, or the parts of a kernel.
struct PartTable: Shown {
    struct Part: Encodable {
        var name: String
        var digest: Digest
        var size: Int64
        var verityTree: Digest?
        var verityRoot: String?
        /// Paths in the list of files of a layer, whiteouts too.
        var files: Int?
    }

    private let parts: [Part]

    init(_ artifact: StoredArtifact, _ store: ImageStore) throws {
        switch artifact {
        case .image(let image):
            parts = try image.layers.map { layer in
                Part(
                    name: layer.name, digest: layer.filesystem.digest, size: layer.filesystem.size,
                    verityTree: layer.tree.digest, verityRoot: layer.verity.rootHash.hex,
                    files: try Self.count(try store.reader(of: image, layer: layer.name)))
            }
        case .kernel(let kernel):
            parts = [("vmlinuz", kernel.vmlinuz), ("modules", kernel.modules)].map {
                Part(name: $0, digest: $1.digest, size: $1.size)
            }
        }
    }

    private static func count(_ listing: FileListingReader) throws -> Int {
        var (listing, count) = (listing, 0)
        while try listing.next() != nil { count += 1 }
        return count
    }

    func printForPeople() {
        let rows = parts.map {
            [
                $0.name, $0.digest.description, ByteCount($0.size).rounded, $0.files.map(String.init) ?? "",
                $0.verityRoot ?? "",
            ]
        }
        Output.table(["NAME", "DIGEST", "SIZE", "FILES", "VERITY ROOT"], rows)
    }

    func encode(to encoder: any Encoder) throws { try parts.encode(to: encoder) }
}
