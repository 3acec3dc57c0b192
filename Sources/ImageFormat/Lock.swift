package import GridModel
import StrictJSON

/// Every input of an image or a kernel, by digest: recipe and lock together determine each bit of it.
///
/// A blob of the manifest. Layers are in the image's order: of software on a system, the system's lock comes first, as it
/// stood when the software was locked.
package struct Lock: Codable, Hashable, Sendable {
    package static let formatVersion = 1

    package var version = Lock.formatVersion
    /// What the image is built with, and first checked with; nil in a kernel's own lock.
    package var kernel: Kernel?
    package var layers: [Layer]

    package struct Kernel: Codable, Hashable, Sendable {
        /// The recipe's name.
        package var name: String
        /// The manifest's.
        package var digest: Digest
        /// Its own inputs, so that it too can be made again.
        package var inputs: Layer

        package init(name: String, digest: Digest, inputs: Layer) {
            self.name = name
            self.digest = digest
            self.inputs = inputs
        }
    }

    /// The inputs of one recipe.
    package struct Layer: Codable, Hashable, Sendable {
        /// The recipe's: an environment, or a kernel's name.
        package var name: String
        /// Of the recipe's text.
        package var recipe: Digest
        /// The newest date of the archive's Release files, or of the container. No file of the image is younger.
        package var time: Timestamp
        package var packages: [Package] = []
        package var wheels: [Wheel] = []
        /// Files that lay beside the recipe.
        package var files: [File] = []
        package var snapshots: [Snapshot] = []
        package var container: Container?

        package init(name: String, recipe: Digest, time: Timestamp) {
            self.name = name
            self.recipe = recipe
            self.time = time
        }

        /// Every file that a build of this layer reads.
        package var inputs: [Input] {
            packages.map { Input(name: $0.fileName, digest: $0.digest, size: $0.size) }
                + wheels.map { Input(name: $0.file, digest: $0.digest, size: $0.size) }
                + files.map { Input(name: $0.source, digest: $0.digest, size: $0.size) }
                + snapshots.map { Input(name: "snapshot \($0.source)", digest: $0.digest, size: $0.size) }
                + (container?.blobs ?? [])
        }
    }

    /// A package of the Debian archive.
    package struct Package: Codable, Hashable, Sendable {
        package var name: String
        package var version: String
        package var architecture: String
        package var digest: Digest
        package var size: Int64

        package init(name: String, version: String, architecture: String, digest: Digest, size: Int64) {
            self.name = name
            self.version = version
            self.architecture = architecture
            self.digest = digest
            self.size = size
        }

        /// As Debian's mirrors and apt name it, an epoch's colon escaped.
        package var fileName: String {
            "\(name)_\(version.split(separator: ":").joined(separator: "%3a"))_\(architecture).deb"
        }
    }

    /// A wheel of the Python package index.
    package struct Wheel: Codable, Hashable, Sendable {
        package var name: String
        package var version: String
        /// `NAME-VERSION-INTERPRETER-ABI-PLATFORM.whl` (PEP 427).
        package var file: String
        package var digest: Digest
        package var size: Int64

        package init(name: String, version: String, file: String, digest: Digest, size: Int64) {
            self.name = name
            self.version = version
            self.file = file
            self.digest = digest
            self.size = size
        }
    }

    package struct File: Codable, Hashable, Sendable {
        /// As the recipe names it.
        package var source: String
        package var digest: Digest
        package var size: Int64

        package init(source: String, digest: Digest, size: Int64) {
            self.source = source
            self.digest = digest
            self.size = size
        }
    }

    /// A directory or tar of a build server, kept as one tar (GNU format, sparse, sorted, owned by root).
    package struct Snapshot: Codable, Hashable, Sendable {
        /// As the recipe names it.
        package var source: String
        /// The tar's.
        package var digest: Digest
        package var size: Int64

        package init(source: String, digest: Digest, size: Int64) {
            self.source = source
            self.digest = digest
            self.size = size
        }
    }

    /// A container image: its manifest, configuration and layers.
    package struct Container: Codable, Hashable, Sendable {
        /// As the recipe names it, for `skopeo`.
        package var reference: String
        package var manifest: Digest
        /// The manifest first, then the configuration, then the layers from the lowest up.
        package var blobs: [Input]

        package init(reference: String, manifest: Digest, blobs: [Input]) {
            self.reference = reference
            self.manifest = manifest
            self.blobs = blobs
        }
    }

    /// A file by its content; the name is for people.
    package struct Input: Codable, Hashable, Sendable {
        package var name: String
        package var digest: Digest
        package var size: Int64

        package init(name: String, digest: Digest, size: Int64) {
            self.name = name
            self.digest = digest
            self.size = size
        }
    }

    package init(kernel: Kernel?, layers: [Layer]) {
        self.kernel = kernel
        self.layers = layers
    }

    /// Every file that a build reads, the kernel's too.
    package var inputs: [Input] { (layers + [kernel?.inputs].compactMap { $0 }).flatMap(\.inputs) }

    /// The time of the image: its newest layer's.
    package var time: Timestamp { layers.map(\.time).max() ?? Timestamp(seconds: 0) }

    private struct Version: Decodable { var version: Int }

    /// `source` says in messages where the bytes came from.
    package init(decoding bytes: [UInt8], source: String) throws {
        let found = try StrictJSON.decode(Version.self, from: bytes, source: source).version
        guard found == Self.formatVersion else {
            throw ImageFormatError(
                .newerFormat,
                "\(source): this lock has version \(found), this program knows \(Self.formatVersion); "
                    + (found > Self.formatVersion ? "upgrade sojourn" : "make a new one: sojourn image build --fresh"))
        }
        self = try StrictJSON.decode(Lock.self, from: bytes, source: source)
        guard !layers.isEmpty else {
            throw ImageFormatError(
                .invalidConfiguration, "\(source): this lock names no layers; remove it and build again")
        }
        if let fault {
            throw ImageFormatError(
                .invalidConfiguration, "\(source): \(fault); make a new one: sojourn image build --fresh")
        }
    }

    /// Canonical within a manifest, where its digest counts; indented for a file that people read.
    package func encoded(pretty: Bool = false) throws -> [UInt8] { try StrictJSON.encode(self, pretty: pretty) }
}
