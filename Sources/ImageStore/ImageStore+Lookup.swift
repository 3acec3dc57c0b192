package import GridModel
package import ImageFormat
import Linux

extension ImageStore {
    /// All images, by environment, older before newer.
    package func images() throws -> [StoredImage] {
        try readIndex().manifests.filter { $0.artifactType == MediaType.image }.map { try image($0) }
    }

    /// All kernels.
    package func kernels() throws -> [StoredKernel] {
        try readIndex().manifests.filter { $0.artifactType == MediaType.kernel }.map { try kernel($0) }
    }

    /// All images of an environment, older before newer, whether checked or not.
    package func images(of environment: Environment) throws -> [StoredImage] {
        try readIndex().manifests.filter {
            $0.artifactType == MediaType.image && $0.annotations?[Annotation.name] == environment.description
        }.map { try image($0) }
    }

    /// An image or a kernel by digest, by a prefix of at least 8 of its digits, or by name.
    package func artifact(reference: String) throws -> StoredArtifact {
        try artifact(try entry(reference, type: nil))
    }

    /// All images and kernels.
    package func artifacts() throws -> [StoredArtifact] {
        try readIndex().manifests.filter { [MediaType.image, MediaType.kernel].contains($0.artifactType) }.map(artifact)
    }

    /// All images of an environment, or all kernels of a name, checked or not.
    package func artifacts(named name: String, isKernel: Bool) throws -> [StoredArtifact] {
        try readIndex().manifests.filter {
            $0.artifactType == (isKernel ? MediaType.kernel : MediaType.image)
                && $0.annotations?[Annotation.name] == name
        }.map(artifact)
    }

    /// The manifest itself.
    package func manifestBytes(of artifact: StoredArtifact) throws -> [UInt8] {
        try readVerified(try entry(artifact.digest.description, type: nil), of: artifact.name)
    }

    /// Every input of an image, by digest.
    package func lock(of image: StoredImage) throws -> Lock { try lock(of: .image(image)) }

    package func lock(of kernel: StoredKernel) throws -> Lock { try lock(of: .kernel(kernel)) }

    package func lock(of artifact: StoredArtifact) throws -> Lock {
        let blob = try artifact.manifest.blob(MediaType.lock)
        return try Lock(decoding: try readVerified(blob, of: artifact.name), source: path(of: blob.digest))
    }

    /// The packages of an image.
    package func packages(of image: StoredImage) throws -> PackageList { try packages(of: .image(image)) }

    package func packages(of artifact: StoredArtifact) throws -> PackageList {
        let blob = try artifact.manifest.blob(MediaType.packages)
        return try PackageList(decoding: try readVerified(blob, of: artifact.name), source: path(of: blob.digest))
    }

    /// What a layer holds, as its list of files says.
    package func files(of image: StoredImage, layer: String) throws -> [FileEntry] {
        let blob = try image.manifest.listing(of: layer)
        return try FileListing.decode(
            try readVerified(blob, of: image.environment.description), source: path(of: blob.digest))
    }

    /// The files of the whole image, as a machine sees them.
    package func files(of image: StoredImage) throws -> [FileEntry] {
        var overlay = try overlay(of: image)
        var entries: [FileEntry] = []
        while let element = try overlay.nextElement() {
            if !element.entry.isWhiteout { entries.append(element.entry) }
        }
        return entries
    }

    /// The files of the whole image with the layer that each comes from, read piece by piece.
    package func overlay(of image: StoredImage) throws -> FileListingOverlay {
        try FileListingOverlay(try image.layers.map { try reader(of: image, layer: $0.name) })
    }

    /// What a layer holds, read piece by piece.
    package func reader(of image: StoredImage, layer: String) throws -> FileListingReader {
        let blob = try image.manifest.listing(of: layer)
        let file = try openVerified(blob, of: image.environment.description)
        return FileListingReader(source: path(of: blob.digest)) { try file.read(upTo: 1 << 16) }
    }

    /// The texts that an image was made from, its system's first.
    package func recipes(of image: StoredImage) throws -> [[UInt8]] { try recipes(of: .image(image)) }

    package func recipes(of artifact: StoredArtifact) throws -> [[UInt8]] {
        try artifact.manifest.layers.filter { $0.mediaType == MediaType.recipe }.map {
            try readVerified($0, of: artifact.name)
        }
    }

    /// The newest image of an environment; nil where none was built.
    package func image(for environment: Environment) throws -> StoredImage? {
        try newest(of: environment.description, type: MediaType.image).map { try image($0) }
    }

    /// The newest kernel of a name; nil where none was built.
    package func kernel(named name: String) throws -> StoredKernel? {
        try newest(of: name, type: MediaType.kernel).map { try kernel($0) }
    }

    /// By digest, by a prefix of at least 8 of its digits, or by environment.
    package func image(reference: String) throws -> StoredImage {
        try image(try entry(reference, type: MediaType.image))
    }

    /// By digest, by a prefix of at least 8 of its digits, or by name.
    package func kernel(reference: String) throws -> StoredKernel {
        try kernel(try entry(reference, type: MediaType.kernel))
    }

    /// The manifest of an image or a kernel that a person means.
    package func digest(of reference: String) throws -> Digest { try entry(reference, type: nil).digest }

    /// The kernel that an image was built with.
    package func kernel(of image: StoredImage) throws -> StoredKernel {
        guard let entry = try readIndex().manifests.first(where: { $0.digest == image.configuration.kernel }) else {
            throw ImageStoreError(
                .missingBlob,
                "the kernel \(image.configuration.kernel) of \(image.environment) is not in \(home.images); "
                    + "get one with: sojourn image build --fresh \(image.environment)")
        }
        return try kernel(entry)
    }

    private func newest(of name: String, type: String) throws -> OCIDescriptor? {
        try readIndex().manifests.last { $0.artifactType == type && $0.annotations?[Annotation.referenceName] == name }
    }

    /// The index's entry that a person means.
    func entry(_ reference: String, type: String?) throws -> OCIDescriptor {
        let entries = try readIndex().manifests.filter {
            [MediaType.image, MediaType.kernel].contains($0.artifactType) && (type == nil || $0.artifactType == type)
        }
        let digits = reference.hasPrefix("sha256:") ? String(reference.dropFirst(7)) : reference
        if digits.utf8.count >= 8, digits.utf8.count <= 64, digits.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) {
            let found = entries.filter { $0.digest.hex.hasPrefix(digits) }
            if found.count == 1 { return found[0] }
            if found.count > 1 {
                throw ImageStoreError(
                    .ambiguousReference,
                    "'\(reference)' is short for \(found.count) images: "
                        + "\(found.map(\.digest.description).joined(separator: ", ")); give more digits")
            }
            throw ImageStoreError(
                .unknownReference,
                "no image of \(home.images) has a digest that begins with \(digits); see: sojourn image list")
        }
        let names = entries.compactMap { $0.annotations?[Annotation.name] }
        // "@debian12" and "debian12" are short for "os/debian12".
        let name = reference.hasPrefix("@") ? "os/\(reference.dropFirst())" : reference
        let isNamed = { (entry: OCIDescriptor) in
            [name, "os/\(name)"].contains(entry.annotations?[Annotation.referenceName])
        }
        guard let found = entries.last(where: isNamed) else {
            throw ImageStoreError(
                .unknownReference,
                "there is no image '\(reference)' in \(home.images): "
                    + NearestNames.hint(for: name, among: names))
        }
        return found
    }

    func manifest(_ entry: OCIDescriptor) throws -> OCIManifest {
        let owner = entry.annotations?[Annotation.name] ?? entry.digest.description
        return try OCIManifest(decoding: try readVerified(entry, of: owner), source: path(of: entry.digest))
    }

    func artifact(_ entry: OCIDescriptor) throws -> StoredArtifact {
        entry.artifactType == MediaType.kernel ? .kernel(try kernel(entry)) : .image(try image(entry))
    }

    func image(_ entry: OCIDescriptor) throws -> StoredImage {
        let manifest = try self.manifest(entry)
        let owner = entry.annotations?[Annotation.name] ?? entry.digest.description
        let configuration = try ImageConfiguration(
            decoding: try readVerified(manifest.config, of: owner), source: path(of: manifest.config.digest))
        return StoredImage(
            digest: entry.digest, manifest: manifest, configuration: configuration, layers: try manifest.imageLayers(),
            standing: try Standing(entry))
    }

    func kernel(_ entry: OCIDescriptor) throws -> StoredKernel {
        let manifest = try self.manifest(entry)
        let owner = entry.annotations?[Annotation.name] ?? entry.digest.description
        let configuration = try KernelConfiguration(
            decoding: try readVerified(manifest.config, of: owner), source: path(of: manifest.config.digest))
        return StoredKernel(
            digest: entry.digest, manifest: manifest, configuration: configuration,
            vmlinuz: try manifest.blob(MediaType.vmlinuz), modules: try manifest.blob(MediaType.modules),
            standing: try Standing(entry))
    }
}
