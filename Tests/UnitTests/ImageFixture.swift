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
        -> GridModel.Digest
    {
        var kernel = HandmadeKernel()
        kernel.name = name
        kernel.vmlinuz = Array(content.utf8)
        return try kernel.add(to: store)
    }

    /// An image whose filesystem is `blocks` blocks of noise.
    @discardableResult
    static func addImage(
        _ store: ImageStore, _ name: String, kernel: GridModel.Digest, blocks: Int = 3, seed: UInt64 = 1
    ) throws -> GridModel.Digest {
        var image = HandmadeImage(try Environment(parsing: name), kernel: kernel)
        image.data = bytes(blocks * VerityFormat.blockSize, seed: seed)
        return try image.add(to: store, at: Timestamp(seconds: Int64(seed)))
    }

    /// Keeps a file that a build read.
    static func addInput(_ home: Home, _ bytes: [UInt8]) throws -> GridModel.Digest {
        let digest = BlobHash.digest(of: bytes)
        let directory = home.inputBlobs
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: "\(directory)/\(digest.hex)"))
        return digest
    }
}
