import Foundation
import Testing

@testable import Distribution
@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

/// Delta blobs: what they hold, that they bring it back, and that nothing else is taken for one.
@Suite struct DeltaTests {
    /// Two filesystems of a store: of one all is here, of the other nothing.
    private struct Pair {
        let old: SparseBlob
        let new: SparseBlob
        /// Where the new one is whole too.
        let source: SparseBlob
        let content: [UInt8]
        let directory: String

        init(_ directory: String, _ before: [UInt8], _ after: [UInt8]) throws {
            self.directory = directory
            content = after
            let publisher = try ImageStore(home: try Home(at: "\(directory)/publisher"))
            let site = try ImageStore(home: try Home(at: "\(directory)/site"))
            old = try Self.blob(before, site, isHere: true)
            source = try Self.blob(after, publisher, isHere: true)
            new = try Self.blob(after, site, isHere: false)
        }

        private static func blob(_ data: [UInt8], _ store: ImageStore, isHere: Bool) throws -> SparseBlob {
            let (tree, root) = try HandmadeImage.tree(of: data)
            let filesystem =
                isHere
                ? try store.add(data, mediaType: MediaType.layer)
                : OCIDescriptor(
                    mediaType: MediaType.layer, digest: BlobHash.digest(of: data), size: Int64(data.count))
            let layer = ImageLayer(
                name: "system", filesystem: filesystem,
                tree: try store.add(tree, mediaType: MediaType.verityTree), verity: root)
            return try SparseBlob(layer, in: store)
        }

        var path: String { "\(directory)/delta" }

        @discardableResult
        func write(blocks: Int = BlockDelta.segmentBlocks) throws -> Int64? {
            try DeltaCreation(from: old, to: source, scratch: directory, blocks: blocks).write(to: path)
        }

        func apply(blocks: Int = BlockDelta.segmentBlocks) throws {
            try DeltaApplication(from: old, to: new, scratch: directory, blocks: blocks).run(path)
        }

        /// True where all that only the delta could bring is here.
        func hasAdded() throws -> Bool {
            let added = Set(BlockDelta(from: old.verifier, to: new.verifier).added)
            return try new.missing(in: 0..<new.blockCount).joined().allSatisfy { !added.contains($0) }
        }
    }

    private static func block(_ seed: UInt64) -> [UInt8] { ImageFixture.bytes(4096, seed: seed) }
    private static let zero = [UInt8](repeating: 0, count: 4096)

    /// Half a block of what was there before, half of it new.
    private static func changed(_ seed: UInt64) -> [UInt8] {
        Array(block(seed)[..<3000]) + ImageFixture.bytes(1096, seed: seed + 1_000_000)
    }

    private static let before = (0..<40).flatMap { block(UInt64($0)) }
    /// Ten changed in place, one that is there three times, zeros, the rest as before but elsewhere.
    private static let after =
        (10..<40).flatMap { block(UInt64($0)) } + (0..<10).flatMap { changed(UInt64($0)) } + block(99) + zero
        + block(99) + changed(3) + block(99)

    @Test func theBlocksAreThoseThatOneHasAndTheOtherHasNot() throws {
        try ImageFixture.withDirectory { directory in
            let pair = try Pair(directory, Self.before, Self.after)
            let delta = BlockDelta(from: pair.old.verifier, to: pair.new.verifier)
            #expect(delta.added == Array(30...40) && delta.removed == Array(0..<10))
        }
    }

    @Test(arguments: [BlockDelta.segmentBlocks, 4, 1]) func whatWasWrittenIsBroughtBack(_ blocks: Int) throws {
        try ImageFixture.withDirectory { directory in
            let pair = try Pair(directory, Self.before, Self.after)
            let size = try #require(try pair.write(blocks: blocks))
            // 3000 of 4096 bytes of ten blocks are in the reference.
            if blocks > 4 { #expect(size < 10 * 1300 + 4096 + 300, "\(size)") }
            let first = try Data(contentsOf: URL(fileURLWithPath: pair.path))
            try pair.write(blocks: blocks)
            #expect(try Data(contentsOf: URL(fileURLWithPath: pair.path)) == first)
            try pair.apply(blocks: blocks)
            #expect(try pair.hasAdded())
            // All places of a content, not only the first.
            #expect(try pair.new.missing(in: 30..<45).isEmpty)
        }
    }

    @Test func ofTheSameNothingIsWritten() throws {
        try ImageFixture.withDirectory { directory in
            let pair = try Pair(directory, Self.before, Self.before + Self.before)
            #expect(try pair.write() == nil)
            try pair.apply()
        }
    }

    @Test func withoutAnythingRemovedThereIsNoReference() throws {
        try ImageFixture.withDirectory { directory in
            let pair = try Pair(directory, Self.before, Self.before + Self.block(77))
            #expect(try #require(try pair.write()) > 4096)
            try pair.apply()
            #expect(try pair.hasAdded())
        }
    }

    /// The format in bytes: what a release wrote, every later one must read.
    @Test func theGoldenDeltaIsRead() throws {
        try ImageFixture.withDirectory { directory in
            let pair = try Pair(directory, Self.text(1), Self.text(2))
            try Data(Self.golden).write(to: URL(fileURLWithPath: pair.path))
            try pair.apply()
            #expect(try pair.hasAdded())
        }
    }

    /// Two blocks of lines that compress well; the second block is the same in both.
    private static func text(_ release: Int) -> [UInt8] {
        let line = Array("release \(release) of a file\n".utf8)
        let same = Array("the same in each of them\n".utf8)
        return (0..<4096).map { line[$0 % line.count] } + (0..<4096).map { same[$0 % same.count] }
    }

    private static let golden: [UInt8] = [
        0x5d, 0x2a, 0x4d, 0x18, 0x08, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x28, 0xb5, 0x2f, 0xfd, 0x64, 0x00, 0x0f, 0x75, 0x00, 0x00, 0x10, 0x72, 0x32, 0x03, 0x00, 0xe9,
        0xbf, 0xe9, 0xe1, 0xa8, 0x78, 0xe3, 0x4e, 0x36, 0x14, 0x79, 0x69, 0x88,
    ]

    // MARK: Hostile

    private func refuses(_ spoil: ([UInt8]) throws -> [UInt8]) throws {
        try ImageFixture.withDirectory { directory in
            let pair = try Pair(directory, Self.before, Self.after)
            try pair.write()
            let url = URL(fileURLWithPath: pair.path)
            let spoilt = try spoil(Array(try Data(contentsOf: url)))
            try Data(spoilt).write(to: url)
            #expect(throws: DistributionError(.refused, "")) { try pair.apply() }
            #expect(try !pair.hasAdded())
            // Nothing wrong was stored, and nothing is left.
            #expect(try pair.new.states(of: 0..<pair.new.blockCount).allSatisfy { $0 != .damaged })
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == [
                    "delta", "publisher", "site",
                ])
        }
    }

    @Test func aTruncatedOneIsRefused() throws {
        for cut in [1, 8, 100, 5000] { try refuses { Array($0.dropLast(cut)) } }
        try refuses { Array($0.prefix(3)) }
        try refuses { _ in [] }
    }

    @Test func whatIsAddedToItIsRefused() throws {
        try refuses { $0 + [0] }
        try refuses { $0 + $0 }
    }

    @Test func aBitTurnedAnywhereIsRefused() throws {
        for place in [0, 5, 9, 17, 40, 3000, 9000] {
            try refuses { bytes in
                var bytes = bytes
                bytes[min(place, bytes.count - 1)] ^= 4
                return bytes
            }
        }
    }

    @Test func theWrongReferenceIsRefused() throws {
        try ImageFixture.withDirectory { directory in
            let pair = try Pair(directory, Self.before, Self.after)
            let other = try Pair(
                "\(directory)/other", (0..<40).flatMap { Self.block(UInt64($0 + 500)) }, Self.after)
            try pair.write()
            try FileManager.default.copyItem(atPath: pair.path, toPath: other.path)
            #expect(throws: DistributionError(.refused, "")) { try other.apply() }
            #expect(try !other.hasAdded())
        }
    }

    /// A few bytes that expand to a gigabyte.
    @Test func aBombIsCutOff() throws {
        try refuses { _ in try Self.blob(of: "head -c 1G /dev/zero | zstd -q -19") }
        try refuses { _ in try Self.blob(of: "head -c 700M /dev/zero | zstd -q --ultra -22 --long=31") }
    }

    @Test func blocksOfAnotherFilesystemAreRefused() throws {
        try refuses { _ in try Self.blob(of: "head -c 45056 /dev/urandom | zstd -q") }
        try refuses { _ in try Self.blob(of: "true | zstd -q") }
    }

    private static func blob(of command: String) throws -> [UInt8] {
        try ImageFixture.withDirectory { directory in
            let made = try ImageFixture.run(["sh", "-c", "\(command) > \(directory)/frame"])
            #expect(made.status == 0, "\(made.text)")
            let frame = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(directory)/frame")))
            return DeltaTable(lengths: [Int64(frame.count)]).encoded + frame
        }
    }

    // MARK: Hints

    @Test func hintsAreReadStrictly() throws {
        let digest = "sha256:" + String(repeating: "a", count: 64)
        func read(_ text: String) throws -> DeltaHints { try DeltaHints(decoding: Array(text.utf8), source: "hints") }
        let good = #"{"version":1,"deltas":[{"from":"\#(digest)","digest":"\#(digest)","size":5}]}"#
        #expect(try read(good).deltas.map(\.size) == [5])
        let one = #"{"from":"\#(digest)","digest":"\#(digest)","size":1}"#
        for bad in [
            "", "[]", #"{"version":1}"#, #"{"version":2,"deltas":[]}"#,
            good.replacingOccurrences(of: ":5", with: ":0"), good.replacingOccurrences(of: ":5", with: ":-5"),
            good.replacingOccurrences(of: ":5", with: ":99999999999999"),
            good.replacingOccurrences(of: "aa", with: "g"),
            #"{"version":1,"deltas":[\#([String](repeating: one, count: 65).joined(separator: ","))]}"#,
        ] {
            #expect(throws: (any Error).self, "\(bad.prefix(80))") { try read(bad) }
        }
    }

    @Test func segmentsCoverAllThatIsAddedAndBoundTheReference() throws {
        for (added, removed) in [(1, 0), (5, 100_000), (50_000, 50_000), (50_000, 0), (16384, 16385), (16385, 3)] {
            let delta = BlockDelta(added: Array(0..<added), removed: Array(0..<removed))
            let segments = delta.segments()
            #expect(segments.map { Array($0.added) }.joined().elementsEqual(0..<added))
            for segment in segments {
                #expect(segment.added.count <= BlockDelta.segmentBlocks)
                #expect(
                    segment.reference.count <= 2 * BlockDelta.segmentBlocks && segment.reference.upperBound <= removed)
            }
        }
    }
}
