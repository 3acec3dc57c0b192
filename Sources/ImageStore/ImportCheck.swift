import Dispatch
import Glibc
import GridModel
import ImageFormat
import Linux
import Synchronization

/// Whether an image or kernel whose blobs are there, each of its digest, is one that may be named and run: whoever made it
/// may be hostile.
struct ImportCheck {
    let store: ImageStore
    /// The filesystems are not here: each block of them is looked at when it comes.
    var isArriving = false
    private static let textLimit: Int64 = 1 << 20
    private static let layerLimit = 32

    /// Throws what is wrong with it.
    func run(_ artifact: StoredArtifact) throws {
        do {
            switch artifact {
            case .image(let image): try check(image)
            case .kernel(let kernel): try check(kernel)
            }
            try checkDocuments(artifact)
        } catch {
            throw ImageStoreError(
                .unsuitableLayout, "\(artifact.name) (\(artifact.digest)) is refused", underlying: error)
        }
    }

    private func refusal(_ reason: String) -> ImageFormatError { ImageFormatError(.invalidManifest, reason) }

    // MARK: - Images

    private func check(_ image: StoredImage) throws {
        let configuration = image.configuration
        try checkTypes(
            image.manifest,
            [
                MediaType.layer, MediaType.verityTree, MediaType.files, MediaType.recipe, MediaType.lock,
                MediaType.packages,
            ])
        let names = image.layers.map(\.name)
        guard names.count <= Self.layerLimit, Set(names).count == names.count else {
            throw refusal("it has \(names.count) layers, of which some have the same name or which are too many")
        }
        for name in names where !Self.isLine(name) { throw refusal("the name of a layer has control characters") }
        guard configuration.layers == image.layers.map(\.filesystem.digest) else {
            throw refusal("manifest and configuration name other filesystems")
        }
        for variable in configuration.variables where !variable.contains("=") || !Self.isText(variable) {
            throw refusal("'\(variable.prefix(40))' is no variable of the form NAME=VALUE")
        }
        let texts = configuration.checks + [configuration.purpose ?? "", configuration.licence ?? ""]
        guard Self.isLine(configuration.systemName), texts.allSatisfy(Self.isText) else {
            throw refusal("a text of its configuration has control characters")
        }
        for layer in image.layers {
            try checkListing(image.manifest.listing(of: layer.name))
            try checkTree(layer)
        }
    }

    private func checkListing(_ blob: OCIDescriptor) throws {
        let file = try Descriptor.open(store.path(of: blob.digest), O_RDONLY)
        var reader = FileListingReader(source: "the list of files \(blob.digest)") { try file.read(upTo: 1 << 16) }
        while try reader.next() != nil {}
    }

    /// Every block of a filesystem against its tree, and that against the manifest: else a machine would fail in its midst.
    private func checkTree(_ layer: ImageLayer) throws {
        let tree = try store.readVerified(layer.tree, of: layer.name)
        let verifier = try VerityVerifier(tree: tree, root: layer.verity)
        if isArriving { return }
        let file = try Descriptor.open(store.path(of: layer.filesystem.digest), O_RDONLY)
        let workers = max(1, Host.cores)
        let faults = Mutex<[any Error]>([])
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            let blocks = verifier.dataBlocks
            let range = blocks * worker / workers..<blocks * (worker + 1) / workers
            do { try Self.check(range, of: file, layer, verifier) } catch { faults.withLock { $0.append(error) } }
        }
        if let fault = faults.withLock({ $0.first }) { throw fault }
    }

    private static func check(
        _ range: Range<Int>, of file: Descriptor, _ layer: ImageLayer, _ verifier: VerityVerifier
    ) throws {
        for block in range {
            let bytes = try [UInt8](unsafeUninitializedCapacity: VerityFormat.blockSize) { buffer, filled in
                let offset = Int64(block) * Int64(VerityFormat.blockSize)
                filled = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            }
            guard verifier.verify(block: block, bytes) else {
                throw ImageFormatError(
                    .wrongTree, "block \(block) of the filesystem of \(layer.name) is not what its verity tree says")
            }
        }
    }

    // MARK: - Kernels

    private func check(_ kernel: StoredKernel) throws {
        let configuration = kernel.configuration
        try checkTypes(
            kernel.manifest,
            [MediaType.vmlinuz, MediaType.modules, MediaType.recipe, MediaType.lock, MediaType.packages])
        guard Environment.isName(kernel.name), kernel.name.hasPrefix("kernel-") else {
            throw refusal("'\(kernel.name.prefix(80))' is no name of a kernel; expected for example kernel-debian12")
        }
        guard Environment.isName(configuration.release), Self.isLine(configuration.debianVersion) else {
            throw refusal("its release or its version has odd characters")
        }
        guard configuration.parts == [kernel.vmlinuz.digest, kernel.modules.digest] else {
            throw refusal("manifest and configuration name another kernel or modules archive")
        }
        let file = try Descriptor.open(store.path(of: kernel.modules.digest), O_RDONLY)
        try KernelModules.check { try file.read(upTo: $0) ?? [] }
    }

    // MARK: - Both

    private func checkTypes(_ manifest: OCIManifest, _ known: [String]) throws {
        for blob in manifest.layers where !known.contains(blob.mediaType) {
            throw refusal("it has a blob of the type '\(blob.mediaType.prefix(100))', which this program does not know")
        }
    }

    /// Recipes, lock and packages: each of its form, and about each other.
    private func checkDocuments(_ artifact: StoredArtifact) throws {
        if let name = artifact.manifest.annotations?[Annotation.name], name != artifact.name {
            throw refusal("its manifest gives it the name '\(name.prefix(200))'")
        }
        for blob in artifact.manifest.layers where blob.mediaType == MediaType.recipe && blob.size > Self.textLimit {
            throw refusal("a recipe of \(blob.size) bytes; at most \(Self.textLimit) are allowed")
        }
        for recipe in try store.recipes(of: artifact) {
            guard let text = String(validating: recipe, as: UTF8.self), Self.isText(text) else {
                throw refusal("a recipe is not UTF-8 text, or has control characters")
            }
        }
        let lock = try store.lock(of: artifact)
        guard lock.layers.map(\.recipe) == artifact.manifest.recipes else {
            throw refusal("lock and manifest name other recipes")
        }
        if case .image(let image) = artifact, lock.kernel?.digest != image.configuration.kernel {
            throw refusal("lock and configuration name other kernels")
        }
        for package in try store.packages(of: artifact).packages {
            let words = [package.name, package.version, package.architecture ?? "", package.licence ?? ""]
            guard words.allSatisfy(Self.isLine) else { throw refusal("its list of packages has control characters") }
        }
    }

    /// Without what a terminal would obey.
    private static func isText(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            $0.properties.generalCategory != .control || "\n\t\r".unicodeScalars.contains($0)
        }
    }

    private static func isLine(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }
}
