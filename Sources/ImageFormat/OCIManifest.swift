package import GridModel
import StrictJSON

/// An image or kernel as a list of blobs (image-spec 1.1, "Image Manifest").
package struct OCIManifest: Codable, Equatable, Sendable {
    package var schemaVersion = 2
    package var mediaType: String? = MediaType.imageManifest
    package var artifactType: String?
    package var config: OCIDescriptor
    package var layers: [OCIDescriptor]
    /// What this manifest speaks about, where it is a referrer.
    package var subject: OCIDescriptor?
    package var annotations: [String: String]?

    package init(
        artifactType: String, config: OCIDescriptor, layers: [OCIDescriptor], annotations: [String: String]? = nil
    ) {
        self.artifactType = artifactType
        self.config = config
        self.layers = layers
        self.annotations = annotations
    }

    /// `source` says in messages where the bytes came from.
    package init(decoding bytes: [UInt8], source: String) throws {
        self = try StrictJSON.decode(OCIManifest.self, from: bytes, source: source)
        guard schemaVersion == 2 else {
            throw ImageFormatError(
                .newerFormat, "\(source): schemaVersion \(schemaVersion) is not known here; upgrade sojourn")
        }
    }

    /// The bytes whose digest names the image: canonical, so that the same content gives the same digest.
    package func encoded() throws -> [UInt8] { try StrictJSON.encode(self, pretty: false) }

    /// The only blob of this type.
    package func blob(_ mediaType: String) throws -> OCIDescriptor {
        let found = layers.filter { $0.mediaType == mediaType }
        guard found.count == 1 else {
            throw ImageFormatError(
                .invalidManifest, "the manifest has \(found.count) blobs of type \(mediaType) where one is needed")
        }
        return found[0]
    }

    /// What belongs to its filesystems: these, their verity trees and lists of files.
    package var layerParts: [OCIDescriptor] {
        layers.filter { [MediaType.layer, MediaType.verityTree, MediaType.files].contains($0.mediaType) }
    }

    /// The list of files of a layer.
    package func listing(of layer: String) throws -> OCIDescriptor {
        let found = layers.filter {
            $0.mediaType == MediaType.files && $0.annotations?[Annotation.layerName] == layer
        }
        guard found.count == 1 else {
            throw ImageFormatError(
                .invalidManifest, "layer \(layer) has \(found.count) lists of files where one is needed")
        }
        return found[0]
    }

    /// The texts that it was made from: those of what it stands on first, then its own.
    package var recipes: [Digest] { layers.filter { $0.mediaType == MediaType.recipe }.map(\.digest) }

    /// The filesystems, from the lowest to the highest, each with its verity tree.
    package func imageLayers() throws -> [ImageLayer] {
        let filesystems = layers.filter { $0.mediaType == MediaType.layer }
        guard !filesystems.isEmpty else { throw ImageFormatError(.invalidManifest, "the manifest names no filesystem") }
        return try filesystems.map { filesystem in
            let name = filesystem.annotations?[Annotation.layerName]
            let trees = layers.filter {
                $0.mediaType == MediaType.verityTree && $0.annotations?[Annotation.layerName] == name
            }
            guard let name, trees.count == 1 else {
                throw ImageFormatError(
                    .invalidManifest,
                    "layer \(filesystem.digest) has \(trees.count) verity trees of its name where one is needed")
            }
            let verity = try VerityRoot(annotations: filesystem.annotations ?? [:], layer: filesystem.digest)
            guard verity.dataSize == filesystem.size else {
                throw ImageFormatError(
                    .invalidManifest,
                    "layer \(filesystem.digest): its verity tree covers \(verity.dataSize) of \(filesystem.size) bytes")
            }
            return ImageLayer(name: name, filesystem: filesystem, tree: trees[0], verity: verity)
        }
    }
}

/// One filesystem of an image.
package struct ImageLayer: Hashable, Sendable {
    package let name: String
    package let filesystem: OCIDescriptor
    package let tree: OCIDescriptor
    package let verity: VerityRoot

    package init(name: String, filesystem: OCIDescriptor, tree: OCIDescriptor, verity: VerityRoot) {
        self.name = name
        self.filesystem = filesystem
        self.tree = tree
        self.verity = verity
    }
}
