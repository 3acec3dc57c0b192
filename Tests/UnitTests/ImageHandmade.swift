import Testing

@testable import Archive
@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

/// A kernel made of a few bytes, every part of which a test may spoil before it is stored. Stores check nothing of it.
struct HandmadeKernel {
    var name = "kernel-test"
    var release = "6.1.0"
    var created = Timestamp(seconds: 1)
    var vmlinuz = Array("kernel".utf8)
    /// Of the modules archive.
    var modules = ["lib/modules/6.1.0/kernel/a.ko"]
    var adjustConfiguration: (inout KernelConfiguration) -> Void = { _ in }

    func add(to store: ImageStore) throws -> GridModel.Digest {
        let parts = [
            try store.add(vmlinuz, mediaType: MediaType.vmlinuz),
            try store.add(try archive(), mediaType: MediaType.modules),
        ]
        var configuration = KernelConfiguration(
            architecture: "amd64", created: created, name: name, release: release, debianVersion: "6.1-1",
            loadOrder: ["kernel/a.ko"], lateOrder: [])
        configuration.parts = parts.map(\.digest)
        adjustConfiguration(&configuration)
        let documents = HandmadeDocuments(name: name, kernel: nil, time: created)
        let manifest = OCIManifest(
            artifactType: MediaType.kernel,
            config: try store.add(try configuration.encoded(), mediaType: MediaType.imageConfiguration),
            layers: parts + (try documents.add(to: store)), annotations: [Annotation.name: name])
        let digest = try store.register(manifest, as: name, at: created)
        try store.makeNewest(digest)
        return digest
    }

    private func archive() throws -> [UInt8] {
        var bytes: [UInt8] = []
        let writer = CpioWriter { bytes += $0 }
        for directory in ["lib", "lib/modules", "lib/modules/6.1.0", "lib/modules/6.1.0/kernel"] {
            try writer.append(directory: directory)
        }
        for file in modules { try writer.append(file: file, contents: Array("module".utf8)) }
        try writer.finish()
        return bytes
    }
}

/// An image with one layer of noise, every part of which a test may spoil before it is stored.
struct HandmadeImage {
    let environment: Environment
    let kernel: GridModel.Digest
    var created = Timestamp(seconds: 2)
    var data = ImageFixture.bytes(3 * VerityFormat.blockSize, seed: 1)
    /// Made of the data unless given.
    var tree: [UInt8]?
    var root: VerityRoot?
    var listing = Array("#mtree\n. type=dir mode=0755 uid=0 gid=0 time=2.0\n".utf8)
    var documents: HandmadeDocuments
    var adjustConfiguration: (inout ImageConfiguration) -> Void = { _ in }
    var adjustManifest: (inout OCIManifest) -> Void = { _ in }

    init(_ environment: Environment, kernel: GridModel.Digest) {
        self.environment = environment
        self.kernel = kernel
        let inputs = Lock.Layer(name: "kernel-test", recipe: kernel, time: created)
        documents = HandmadeDocuments(
            name: environment.description, kernel: .init(name: "kernel-test", digest: kernel, inputs: inputs),
            time: created)
    }

    func add(to store: ImageStore, at time: Timestamp = Timestamp(seconds: 1)) throws -> GridModel.Digest {
        let (made, madeRoot) = try Self.tree(of: data)
        let name = [Annotation.layerName: "system"]
        let annotations = (root ?? madeRoot).annotations.merging(name) { old, _ in old }
        let layers = [
            try store.add(data, mediaType: MediaType.layer, annotations: annotations),
            try store.add(tree ?? made, mediaType: MediaType.verityTree, annotations: name),
            try store.add(listing, mediaType: MediaType.files, annotations: name),
        ]
        var configuration = ImageConfiguration(
            architecture: "amd64", created: created, environment: environment, variables: ["PATH=/bin"],
            layers: [layers[0].digest], kernel: kernel, systemName: "Test", needs: ImageNeeds())
        adjustConfiguration(&configuration)
        var manifest = OCIManifest(
            artifactType: MediaType.image,
            config: try store.add(try configuration.encoded(), mediaType: MediaType.imageConfiguration),
            layers: layers + (try documents.add(to: store)), annotations: [Annotation.name: environment.description])
        adjustManifest(&manifest)
        return try store.enter(manifest, as: environment.description, at: time)
    }

    static func tree(of data: [UInt8]) throws -> ([UInt8], VerityRoot) {
        let (input, output) = (try Descriptor.memory(named: "data"), try Descriptor.memory(named: "tree"))
        try input.write(data)
        let root = try VerityTree.write(
            of: input.raw, size: Int64(data.count), to: output.raw,
            format: VerityFormat(uuid: StableUUID(name: "test")),
            cores: 1)
        var tree = [UInt8](repeating: 0, count: Int(try output.size()))
        let got = try tree.withUnsafeMutableBytes { try output.read(into: $0, at: 0) }
        #expect(got == tree.count)
        return (tree, root)
    }
}

/// Recipe, lock and packages.
struct HandmadeDocuments {
    var recipe: String
    var lock: Lock
    var packages = [InstalledPackage(type: .deb, name: "base-files", version: "12", architecture: "amd64")]

    init(name: String, kernel: Lock.Kernel?, time: Timestamp) {
        recipe = "name: \(name)\n"
        let digest = BlobHash.digest(of: Array(recipe.utf8))
        lock = Lock(kernel: kernel, layers: [Lock.Layer(name: name, recipe: digest, time: time)])
    }

    func add(to store: ImageStore) throws -> [OCIDescriptor] {
        [
            try store.add(Array(recipe.utf8), mediaType: MediaType.recipe),
            try store.add(try lock.encoded(), mediaType: MediaType.lock),
            try store.add(
                try PackageList(distribution: "debian", packages: packages).encoded(), mediaType: MediaType.packages),
        ]
    }
}

extension ImageStore {
    /// Enters what no build would: as `register` and `makeNewest` do, without their doubts.
    fileprivate func enter(_ manifest: OCIManifest, as name: String, at time: Timestamp) throws -> GridModel.Digest {
        var entry = try add(try manifest.encoded(), mediaType: MediaType.imageManifest)
        entry.artifactType = manifest.artifactType
        entry.annotations = [
            Annotation.name: name, Annotation.created: time.description, Annotation.builtHere: "true",
        ]
        var index = try readIndex()
        if !index.manifests.contains(where: { $0.digest == entry.digest }) { index.manifests.append(entry) }
        _ = index.makeNewest(entry.digest)
        try write(index)
        return entry.digest
    }
}
