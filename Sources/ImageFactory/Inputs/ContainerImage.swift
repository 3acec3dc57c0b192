import GridModel
import ImageFormat
import Linux
import StrictJSON

/// A container image, which skopeo fetches from wherever it is and umoci unpacks.
struct ContainerImage {
    private let container: Lock.Container

    init(_ container: Lock.Container) { self.container = container }

    /// Copies the image into the inputs.
    static func lock(
        _ reference: String, beside recipe: String, _ directory: BuildDirectory, _ inputs: Inputs, _ tools: Toolbox
    ) throws -> Lock.Container {
        let layout = "\(directory.path)/container"
        try tools.run(
            .skopeo,
            ["--insecure-policy", "--override-os", "linux", "--override-arch", "amd64", "copy", "--quiet"]
                + [absolute(reference, beside: recipe), "oci:\(layout):image"],
            deadline: .seconds(7200))
        let source = "\(layout)/index.json"
        let index = try StrictJSON.decode(OCIIndex.self, from: try Files.read(source, limit: 1 << 20), source: source)
        guard index.manifests.count == 1 else {
            throw ImageFactoryError(
                .wrongInput, "\(reference): \(index.manifests.count) images were found where one is needed")
        }
        let manifest = try read(layout, index.manifests[0].digest)
        var blobs = [Lock.Input(name: "manifest", digest: index.manifests[0].digest, size: index.manifests[0].size)]
        blobs.append(.init(name: "configuration", digest: manifest.config.digest, size: manifest.config.size))
        blobs += manifest.layers.enumerated().map { .init(name: "layer \($0)", digest: $1.digest, size: $1.size) }
        for blob in Set(blobs.map(\.digest)) {
            try inputs.keep("\(layout)/blobs/sha256/\(blob.hex)", as: blob, of: reference)
        }
        return Lock.Container(reference: reference, manifest: index.manifests[0].digest, blobs: blobs)
    }

    /// A layout that the recipe names lies beside it.
    private static func absolute(_ reference: String, beside recipe: String) -> String {
        for transport in ["oci:", "oci-archive:", "docker-archive:", "dir:"] where reference.hasPrefix(transport) {
            let path = String(reference.dropFirst(transport.count))
            return transport + RecipeText(path: recipe, bytes: []).path(of: path)
        }
        return reference
    }

    private static func read(_ layout: String, _ digest: Digest) throws -> OCIManifest {
        let path = "\(layout)/blobs/sha256/\(digest.hex)"
        return try OCIManifest(decoding: try Files.read(path, limit: 4 << 20), source: path)
    }

    private struct Configuration: Decodable {
        struct Runtime: Decodable {
            var variables: [String]?
            private enum CodingKeys: String, CodingKey { case variables = "Env" }
        }
        var created: String?
        var architecture: String?
        var config: Runtime?
    }

    private func configuration(_ inputs: Inputs) throws -> Configuration {
        guard container.blobs.count > 1, let path = try inputs.file(container.blobs[1].digest) else {
            throw ImageFactoryError(
                .wrongInput, "the configuration of \(container.reference) is not kept; build with --fresh")
        }
        let found = try StrictJSON.decode(
            Configuration.self, from: try Files.read(path, limit: 4 << 20), source: container.reference)
        guard found.architecture == nil || found.architecture == "amd64" else {
            throw ImageFactoryError(
                .wrongInput, "\(container.reference) is for \(found.architecture ?? ""); machines here are amd64")
        }
        return found
    }

    /// When it says that it was made, to the second; 1970 where it does not.
    func created(_ inputs: Inputs) throws -> Timestamp {
        guard let text = try configuration(inputs).created, text.utf8.count >= 20 else { return Timestamp(seconds: 0) }
        return try Timestamp(parsing: text.prefix(19) + "Z")
    }

    /// `K=V`.
    func variables(_ inputs: Inputs) throws -> [String] { try configuration(inputs).config?.variables ?? [] }

    func unpack(_ inputs: Inputs, _ directory: BuildDirectory, _ sandbox: BuildSandbox) throws {
        let layout = "\(directory.inputs)/container"
        try Files.makeDirectories("\(layout)/blobs/sha256")
        for blob in Set(container.blobs.map(\.digest)) {
            try inputs.link(blob, to: "\(layout)/blobs/sha256/\(blob.hex)")
        }
        try Files.write(try StrictJSON.encode(OCILayout(), pretty: false), to: "\(layout)/oci-layout")
        var entry = OCIDescriptor(
            mediaType: MediaType.imageManifest, digest: container.manifest, size: container.blobs[0].size)
        entry.annotations = [Annotation.referenceName: "image"]
        try Files.write(try StrictJSON.encode(OCIIndex(manifests: [entry]), pretty: false), to: "\(layout)/index.json")
        try sandbox.run(
            .umoci, ["raw", "unpack", "--image", "/inputs/container:image", "/build/tree"], deadline: .seconds(7200))
    }
}
