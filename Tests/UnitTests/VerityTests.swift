import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import Linux

/// `veritysetup` is the oracle.
@Suite struct VerityTests {
    private let uuid = StableUUID(name: "test")

    private func makeTree(_ data: [UInt8], in directory: String, salt: [UInt8], cores: Int) throws -> VerityRoot {
        try Data(data).write(to: URL(fileURLWithPath: "\(directory)/data"))
        let input = try Descriptor.open("\(directory)/data", O_RDONLY)
        let output = try Descriptor.open("\(directory)/tree", O_RDWR | O_CREAT | O_TRUNC)
        return try VerityTree.write(
            of: input.raw, size: Int64(data.count), to: output.raw, format: VerityFormat(salt: salt, uuid: uuid),
            cores: cores)
    }

    @Test(
        "A tree has the bytes that veritysetup writes",
        arguments: [1, 2, 127, 128, 129, 130, 256, 1000, 128 * 128, 128 * 128 + 1],
        [[], [0xab, 0x00, 0xff]] as [[UInt8]])
    func equalsVeritysetup(blocks: Int, salt: [UInt8]) throws {
        try ImageFixture.withDirectory { directory in
            // The largest are of few different blocks, which the hash sees as well as any.
            let block = ImageFixture.bytes(4096 * min(blocks, 300), seed: UInt64(blocks))
            let data = Array((0...(blocks / 300)).flatMap { _ in block }.prefix(blocks * 4096))
            let root = try makeTree(data, in: directory, salt: salt, cores: 3)
            let hex = salt.isEmpty ? "-" : "ab00ff"
            #expect(root.annotations[Annotation.veritySalt] == hex)
            let made = try ImageFixture.run([
                "veritysetup", "format", "--salt=\(hex)", "--uuid=\(uuid)", "\(directory)/data", "\(directory)/oracle",
            ])
            #expect(made.status == 0 && made.text.contains(root.rootHash.hex), "\(made.text)")
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: "\(directory)/tree"))
                    == Data(contentsOf: URL(fileURLWithPath: "\(directory)/oracle")))
            let verified = try ImageFixture.run([
                "veritysetup", "verify", "\(directory)/data", "\(directory)/tree", root.rootHash.hex,
            ])
            #expect(verified.status == 0, "\(verified.text)")
        }
    }

    @Test func numberOfCoresDoesNotChangeTheTree() throws {
        try ImageFixture.withDirectory { directory in
            let data = ImageFixture.bytes(4096 * 700, seed: 5)
            let one = try makeTree(data, in: directory, salt: [], cores: 1)
            #expect(try makeTree(data, in: directory, salt: [], cores: 64) == one)
        }
    }

    @Test(
        "What is no whole number of blocks would stay unverified and is refused", arguments: [0, 1, 4095, 4097, 10000])
    func refusesPartialBlocks(size: Int) throws {
        try ImageFixture.withDirectory { directory in
            #expect(throws: ImageFormatError(.unsuitableData, "")) {
                try makeTree([UInt8](repeating: 1, count: size), in: directory, salt: [], cores: 2)
            }
        }
    }

    @Test func verifierAcceptsEveryBlockAndNoOther() throws {
        try ImageFixture.withDirectory { directory in
            let data = ImageFixture.bytes(4096 * 131, seed: 9)
            let root = try makeTree(data, in: directory, salt: [1, 2], cores: 2)
            let tree = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(directory)/tree")))
            let verifier = try VerityVerifier(tree: tree, root: root)
            for index in [0, 1, 127, 128, 130] {
                var block = Array(data[index * 4096..<(index + 1) * 4096])
                #expect(verifier.verify(block: index, block))
                #expect(!verifier.verify(block: (index + 1) % 131, block))
                block[4095] ^= 1
                #expect(!verifier.verify(block: index, block))
            }
            #expect(!verifier.verify(block: 131, Array(data[..<4096])))
            #expect(!verifier.verify(block: -1, Array(data[..<4096])))
        }
    }

    @Test("A changed byte anywhere in the tree is found", arguments: [4096, 8192, 8191 + 4096])
    func verifierRefusesChangedTree(offset: Int) throws {
        try ImageFixture.withDirectory { directory in
            let root = try makeTree(ImageFixture.bytes(4096 * 131, seed: 9), in: directory, salt: [], cores: 2)
            var tree = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(directory)/tree")))
            tree[offset] ^= 0x80
            #expect(throws: ImageFormatError(.wrongTree, "")) { try VerityVerifier(tree: tree, root: root) }
            #expect(throws: ImageFormatError(.wrongTree, "")) {
                try VerityVerifier(tree: tree.dropLast(1) + [], root: root)
            }
        }
    }

    @Test(arguments: [
        (Annotation.verityRoot, "0el"), (Annotation.verityRoot, ""), (Annotation.veritySalt, "+a"),
        (Annotation.veritySalt, "abc"), (Annotation.verityDataSize, "+4096"), (Annotation.verityDataSize, "-1"),
    ]) func annotationsAreReadInOneWayOrRefused(key: String, value: String) throws {
        let digest = try Digest(parsing: "sha256:" + String(repeating: "0", count: 64))
        var annotations = VerityRoot(rootHash: digest, salt: [10, 255], dataSize: 4096).annotations
        #expect(try VerityRoot(annotations: annotations, layer: digest).annotations == annotations)
        annotations[key] = value
        #expect(throws: ImageFormatError(.invalidManifest, "")) {
            try VerityRoot(annotations: annotations, layer: digest)
        }
    }

    @Test func stableUUIDHasVersionAndVariant() {
        let text = Array(StableUUID(name: "x").description)
        #expect(text.count == 36 && text[14] == "8" && "89ab".contains(text[19]))
        #expect(StableUUID(name: "x") == StableUUID(name: "x"))
        #expect(StableUUID(name: "x") != StableUUID(name: "y"))
    }
}
