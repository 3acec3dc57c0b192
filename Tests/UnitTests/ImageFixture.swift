import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore

/// What the tests of images share: a scratch directory, a home in it, and the real tools.
enum ImageFixture {
    /// A directory that is gone after `body`.
    @discardableResult
    static func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = FileManager.default.temporaryDirectory.path + "/image-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer {
            do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) }
        }
        return try body(path)
    }

    static func withStore(_ body: (ImageStore) throws -> Void) throws {
        try withDirectory { try body(try ImageStore(home: try Home(at: "\($0)/home"))) }
    }

    /// Runs a reference tool and returns its status and what it wrote.
    static func run(_ arguments: [String]) throws -> (status: Int32, text: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    /// The same bytes for the same seed.
    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed &+ 1
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    /// A kernel whose parts are a few bytes each.
    @discardableResult
    static func addKernel(_ store: ImageStore, name: String = "kernel-test", content: String = "kernel") throws
        -> Digest
    {
        let vmlinuz = try store.add(Array(content.utf8), mediaType: MediaType.vmlinuz)
        let modules = try store.add(Array("modules".utf8), mediaType: MediaType.modules)
        let configuration = KernelConfiguration(
            architecture: "amd64", created: Timestamp(seconds: 1), name: name, release: "6.1.0", debianVersion: "6.1-1",
            loadOrder: ["kernel/a.ko"], lateOrder: [])
        let config = try store.add(try configuration.encoded(), mediaType: MediaType.imageConfiguration)
        let manifest = OCIManifest(artifactType: MediaType.kernel, config: config, layers: [vmlinuz, modules])
        return try store.tag(manifest, as: name, at: Timestamp(seconds: 1))
    }

    /// An image whose filesystem is `blocks` blocks of noise.
    @discardableResult
    static func addImage(
        _ store: ImageStore, _ name: String, kernel: Digest, blocks: Int = 3, seed: UInt64 = 1
    ) throws -> Digest {
        let data = bytes(blocks * VerityFormat.blockSize, seed: seed)
        let root = VerityRoot(rootHash: kernel, salt: [], dataSize: Int64(data.count))
        let layerName = [Annotation.layerName: "system"]
        let layer = try store.add(
            data, mediaType: MediaType.layer, annotations: root.annotations.merging(layerName) { old, _ in old })
        let tree = try store.add(Array("tree".utf8), mediaType: MediaType.verityTree, annotations: layerName)
        let environment = try Environment(parsing: name)
        let configuration = ImageConfiguration(
            architecture: "amd64", created: Timestamp(seconds: 2), environment: environment, variables: ["PATH=/bin"],
            layers: [layer.digest], kernel: kernel, systemName: "Test", needs: ImageNeeds())
        let config = try store.add(try configuration.encoded(), mediaType: MediaType.imageConfiguration)
        let manifest = OCIManifest(artifactType: MediaType.image, config: config, layers: [layer, tree])
        return try store.tag(manifest, as: environment.description, at: Timestamp(seconds: Int64(seed)))
    }
}
