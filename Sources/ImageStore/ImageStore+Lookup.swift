package import GridModel
import ImageFormat
import System

extension ImageStore {
    /// All images, by environment, older before newer.
    package func images() throws -> [StoredImage] {
        try readIndex().manifests.filter { $0.artifactType == MediaType.image }.map { try image($0) }
    }

    /// All kernels.
    package func kernels() throws -> [StoredKernel] {
        try readIndex().manifests.filter { $0.artifactType == MediaType.kernel }.map { try kernel($0) }
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
        let entries = try readIndex().manifests.filter { type == nil || $0.artifactType == type }
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
        // "@debian12" is short for "os/debian12".
        let name = reference.hasPrefix("@") ? "os/\(reference.dropFirst())" : reference
        guard let found = entries.last(where: { $0.annotations?[Annotation.referenceName] == name }) else {
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

    func image(_ entry: OCIDescriptor) throws -> StoredImage {
        let manifest = try self.manifest(entry)
        let owner = entry.annotations?[Annotation.name] ?? entry.digest.description
        let configuration = try ImageConfiguration(
            decoding: try readVerified(manifest.config, of: owner), source: path(of: manifest.config.digest))
        return StoredImage(
            digest: entry.digest, manifest: manifest, configuration: configuration, layers: try manifest.imageLayers(),
            isNewest: entry.annotations?[Annotation.referenceName] != nil)
    }

    func kernel(_ entry: OCIDescriptor) throws -> StoredKernel {
        let manifest = try self.manifest(entry)
        let owner = entry.annotations?[Annotation.name] ?? entry.digest.description
        let configuration = try KernelConfiguration(
            decoding: try readVerified(manifest.config, of: owner), source: path(of: manifest.config.digest))
        return StoredKernel(
            digest: entry.digest, manifest: manifest, configuration: configuration,
            vmlinuz: try manifest.blob(MediaType.vmlinuz), modules: try manifest.blob(MediaType.modules),
            isNewest: entry.annotations?[Annotation.referenceName] != nil)
    }
}
