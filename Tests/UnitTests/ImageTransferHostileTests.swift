import Foundation
import StrictJSON
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

/// Layouts from people who wish us ill: each is refused with its reason, and leaves nothing in the home.
@Suite struct ImageTransferHostileTests {
    private let environment = Environment(software: nil, os: "debian12")

    /// Imports what `prepare` made of a store's layout; nothing of it may arrive.
    private func refusedLayout(_ prepare: (ImageStore) throws -> Void) throws -> String {
        try ImageFixture.withDirectory { directory in
            let from = try ImageStore(home: try Home(at: "\(directory)/a"))
            let to = try ImageStore(home: try Home(at: "\(directory)/b"))
            try prepare(from)
            let fault = try #require(throws: (any Error).self) {
                try to.importLayout(from.home.images, nil, at: Timestamp(seconds: 1))
            }
            #expect(try to.artifacts().isEmpty && !Files.exists(to.indexPath))
            #expect(try Files.list(to.blobs).isEmpty && !Files.exists(to.importStaging))
            return "\(fault)"
        }
    }

    private func refusedImage(_ change: (inout HandmadeImage) throws -> Void) throws -> String {
        try refusedLayout { store in
            var image = HandmadeImage(environment, kernel: try ImageFixture.addKernel(store))
            try change(&image)
            _ = try image.add(to: store)
        }
    }

    private func refusedKernel(_ change: (inout HandmadeKernel) -> Void) throws -> String {
        try refusedLayout { store in
            var kernel = HandmadeKernel()
            change(&kernel)
            _ = try kernel.add(to: store)
        }
    }

    private func addImage(_ store: ImageStore) throws -> StoredImage {
        let digest = try ImageFixture.addImage(store, "@debian12", kernel: try ImageFixture.addKernel(store))
        return try store.image(reference: digest.description)
    }

    private func replace(_ path: String, _ bytes: [UInt8]) throws {
        try FileManager.default.removeItem(atPath: path)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// What a lock says becomes names of files and arguments of apt and pip.
    @Test(
        "A lock speaks each grammar or is refused",
        arguments: [
            "wheel ../../etc/cron.d/x", "wheel x.whl", "wheel a-1-py3-none-any.whl\u{1b}", "package -oDir::Bin::",
            "package a/../b", "version 1 --x", "version /tmp/x", "architecture methods", "kernel kernel-../x",
            "source a\nb",
            "blobs",
        ])
    func locksInBadGrammar(_ fault: String) throws {
        let digest = BlobHash.digest(of: [1])
        var layer = Lock.Layer(name: "os/debian12", recipe: digest, time: Timestamp(seconds: 1))
        layer.packages = [
            .init(name: "libc6", version: "1:2.36-9+deb12u1~x", architecture: "amd64", digest: digest, size: 1)
        ]
        layer.wheels = [
            .init(
                name: "a_b", version: "1.0+local", file: "a_b-1.0+local-cp311-cp311-manylinux_2_17_x86_64.whl",
                digest: digest, size: 1)
        ]
        layer.container = .init(
            reference: "oci:x:tag", manifest: digest,
            blobs: ["manifest", "config"].map { .init(name: $0, digest: digest, size: 1) })
        var kernel = Lock.Kernel(name: "kernel-debian12", digest: digest, inputs: layer)
        func decode() throws -> Lock {
            try Lock(decoding: try Lock(kernel: kernel, layers: [layer]).encoded(), source: "x")
        }
        _ = try decode()
        let words = fault.split(separator: " ", maxSplits: 1).map(String.init)
        switch words[0] {
        case "wheel": layer.wheels[0].file = words[1]
        case "package": layer.packages[0].name = words[1]
        case "version": layer.packages[0].version = words[1]
        case "architecture": layer.packages[0].architecture = words[1]
        case "kernel": kernel.name = words[1]
        case "source": layer.files = [.init(source: words[1], digest: digest, size: 1)]
        default: layer.container?.blobs = []
        }
        #expect(throws: ImageFormatError(.invalidConfiguration, "")) { try decode() }
    }

    @Test func aPipeIsNoIndex() throws {
        #expect(
            try refusedLayout { store in
                _ = try addImage(store)
                let path = "\(store.home.images)/index.json"
                try FileManager.default.removeItem(atPath: path)
                try #require(mkfifo(path, 0o600) == 0)
            }.contains("no regular file"))
    }

    @Test func blobsAreOfTheirDigestAndSize() throws {
        let data = ImageFixture.bytes(3 * 4096, seed: 1)
        #expect(
            try refusedLayout { store in
                let path = store.path(of: try addImage(store).layers[0].filesystem.digest)
                try replace(path, data.dropLast() + [data[data.count - 1] ^ 1])
            }.contains("has the content"))
        #expect(
            try refusedLayout { store in
                try replace(store.path(of: try addImage(store).layers[0].filesystem.digest), data + [0])
            }.contains("has 12289 bytes where 12288 were expected"))
        #expect(
            try refusedLayout { store in
                let image = try addImage(store)
                try FileManager.default.removeItem(atPath: store.path(of: image.layers[0].tree.digest))
            }.contains("is missing"))
    }

    @Test func onlyRegularFilesAreRead() throws {
        for make in [{ mkfifo($0, 0o600) }, { symlink("/etc/passwd", $0) }, { mkdir($0, 0o700) }] as [(String) -> Int32]
        {
            let fault = try refusedLayout { store in
                let path = store.path(of: try addImage(store).manifest.config.digest)
                try FileManager.default.removeItem(atPath: path)
                #expect(make(path) == 0)
            }
            #expect(fault.contains("no regular file"))
        }
    }

    @Test func impossibleSizesAreRefused() throws {
        for size in [Int64.max, -1] {
            #expect(
                try refusedImage({ $0.adjustManifest = { $0.layers[0].size = size } }).contains("is said to have"))
        }
        #expect(try refusedImage({ $0.adjustManifest = { $0.config.size = 5 << 20 } }).contains("at most 4194304"))
        // One that is larger than its file, of a type that is read as a whole.
        #expect(try refusedImage({ $0.adjustManifest = { $0.layers[4].size = 1 << 40 } }).contains("bytes where"))
    }

    @Test("A digest is no path", arguments: ["sha256:../../../etc/passwd", "sha256:..", "sha512:aa", "/etc/passwd"])
    func digestsAreNoPaths(text: String) throws {
        let fault = try refusedLayout { store in
            _ = try addImage(store)
            let index = String(decoding: try Files.read(store.indexPath, limit: 1 << 20), as: UTF8.self)
            let digest = try store.digest(of: "@debian12").description
            try Files.write(index.split(separator: digest).joined(separator: text).utf8, to: store.indexPath)
        }
        #expect(fault.contains("is no digest"))
        let inManifest = try refusedLayout { store in
            let image = try addImage(store)
            let manifest = String(decoding: try image.manifest.encoded(), as: UTF8.self)
            let layer = image.layers[0].filesystem.digest.description
            let bytes = Array(manifest.split(separator: layer).joined(separator: text).utf8)
            let blob = try store.add(bytes, mediaType: MediaType.imageManifest)
            try Files.write(try StrictJSON.encode(OCIIndex(manifests: [blob])), to: store.indexPath)
        }
        #expect(inManifest.contains("is no digest"))
    }

    @Test func treesThatLieAreRefused() throws {
        let (tree, root) = try HandmadeImage.tree(of: ImageFixture.bytes(3 * 4096, seed: 1))
        var broken = tree
        broken[4096] ^= 1
        #expect(try refusedImage({ $0.tree = broken }).contains("does not match its root hash"))
        #expect(try refusedImage({ $0.tree = tree + broken }).contains("the verity tree has"))
        // Tree and root agree with each other, and not with the filesystem.
        let fault = try refusedImage({
            $0.data[2 * 4096 + 5] ^= 1
            ($0.tree, $0.root) = (tree, root)
        })
        #expect(fault.contains("block 2 of the filesystem of system"))
        let short = VerityRoot(rootHash: root.rootHash, salt: [], dataSize: 4096)
        #expect(try refusedImage({ $0.root = short }).contains("covers 4096 of 12288"))
    }

    @Test func partsOfAnImageAgreeWithOneAnother() throws {
        let other = BlobHash.digest(of: [1])
        #expect(try refusedImage({ $0.adjustConfiguration = { $0.layers = [other] } }).contains("other filesystems"))
        #expect(
            try refusedImage({ $0.adjustManifest = { $0.annotations = [Annotation.name: "os/x"] } }).contains(
                "'os/x'"))
        #expect(try refusedImage({ $0.documents.recipe = "name: else" }).contains("other recipes"))
        #expect(try refusedImage({ $0.documents.lock.kernel?.digest = other }).contains("other kernels"))
        #expect(try refusedImage({ $0.adjustManifest = { $0.layers.removeLast() } }).contains("0 blobs of type"))
        #expect(
            try refusedImage({ $0.adjustManifest = { $0.layers[5].mediaType = "text/x" } }).contains("does not know"))
        #expect(try refusedImage({ $0.adjustConfiguration = { $0.kernel = other } }).contains("neither in"))
    }

    @Test func everyDocumentIsRead() throws {
        #expect(try refusedImage({ $0.listing = Array("#mtree\n./../x type=dir\n".utf8) }).contains("listing"))
        #expect(try refusedImage({ $0.documents.lock.layers = [] }).contains("names no layers"))
        #expect(try refusedImage({ $0.documents.lock.version = 2 }).contains("version 2"))
        #expect(try refusedImage({ $0.adjustConfiguration = { $0.variables = ["PATH"] } }).contains("NAME=VALUE"))
        // What a terminal would obey.
        #expect(
            try refusedImage({ $0.documents.packages[0].version = "1\u{1b}[2J" }).contains("control characters"))
        #expect(
            try refusedImage({ $0.adjustConfiguration = { $0.systemName = "x\u{9b}2J" } }).contains(
                "control characters"))
        #expect(try refusedImage({ $0.documents = Self.recipe("a: \u{7}\n", $0) }).contains("control characters"))
    }

    private static func recipe(_ text: String, _ image: HandmadeImage) -> HandmadeDocuments {
        var documents = image.documents
        documents.recipe = text
        documents.lock.layers[0].recipe = BlobHash.digest(of: Array(text.utf8))
        return documents
    }

    @Test func aKernelBringsModulesAndNothingElse() throws {
        for path in ["sbin/init", "lib/modules-x/a", "init"] {
            #expect(try refusedKernel({ $0.modules.append(path) }).contains("the modules of a kernel are refused"))
        }
        let other = BlobHash.digest(of: [1])
        #expect(try refusedKernel({ $0.adjustConfiguration = { $0.parts = [other] } }).contains("another kernel"))
        #expect(try refusedKernel({ $0.name = "os/debian12" }).contains("no name of a kernel"))
        #expect(try refusedKernel({ $0.release = "../x" }).contains("odd characters"))
    }

    @Test func whatIsSaidMustBeAboutTheImage() throws {
        let fault = try refusedLayout { store in
            let image = try addImage(store)
            let kernel = try #require(try store.kernel(named: "kernel-test"))
            try store.attach([1], mediaType: MediaType.spdx, artifactType: MediaType.spdx, to: kernel.digest)
            var index = try store.readIndex()
            let position = try #require(index.manifests.firstIndex { $0.isReferrers(of: kernel.digest) })
            index.manifests[position].annotations = [Annotation.referenceName: "sha256-\(image.digest.hex)"]
            try store.write(index)
        }
        #expect(fault.contains("speaks about"))
    }

    @Test func imagesOfOthersAreReferredToARecipe() throws {
        let empty = OCIDescriptor(mediaType: MediaType.empty, digest: BlobHash.digest(of: [1]), size: 1)
        let fault = try refusedLayout { store in
            let other = OCIManifest(artifactType: "application/x", config: empty, layers: [])
            var entry = try store.add(try other.encoded(), mediaType: MediaType.imageManifest)
            entry.annotations = [Annotation.referenceName: "almalinux:9"]
            try store.write(OCIIndex(manifests: [entry]))
        }
        #expect(fault.contains("is no image of sojourn's") && fault.contains("/images:almalinux:9"))
        #expect(try refusedLayout { store in try store.write(OCIIndex()) }.contains("lists no images"))
        #expect(
            try refusedLayout { try FileManager.default.removeItem(atPath: "\($0.home.images)/oci-layout") }.contains(
                "no OCI image layout"))
    }

    @Test func theNameIsTheConfigurationsWhateverTheIndexSays() throws {
        try ImageFixture.withDirectory { directory in
            let from = try ImageStore(home: try Home(at: "\(directory)/a"))
            let to = try ImageStore(home: try Home(at: "\(directory)/b"))
            let image = try addImage(from)
            var index = try from.readIndex()
            let position = try #require(index.manifests.firstIndex { $0.digest == image.digest })
            index.manifests[position].annotations = [
                Annotation.referenceName: "os/debian13", Annotation.name: "os/debian13",
            ]
            try from.write(index)
            let result = try to.importLayout(from.home.images, "debian13", at: Timestamp(seconds: 1))
            #expect(result.items.map(\.name) == ["kernel-test", "os/debian12"])
            #expect(throws: ImageStoreError(.unknownReference, "")) { try to.image(reference: "debian13") }
        }
    }
}
