import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

@Suite struct SparseBlobTests {
    @Test func whatHasNotComeIsNotRead() throws {
        try BlockFixture.with(blocks: 10) { fixture in
            let blob = try fixture.blob()
            #expect(try fixture.bytes(blob, 0..<1) == nil)
            #expect(try blob.missing(in: 0..<10) == [0..<10])
            #expect(!blob.isWhole)
            #expect(try Files.size(fixture.partial) == 40960)
            #expect(try BlobCopy.allocated(fixture.partial) == 0)
        }
    }

    @Test func blocksComeOneByOneAndMakeABlobAtTheEnd() throws {
        try BlockFixture.with(blocks: 5) { fixture in
            let blob = try fixture.blob()
            for block in [3, 0, 4, 1] {
                #expect(try fixture.content(block..<block + 1).withUnsafeBytes { try blob.store($0, at: block) })
            }
            #expect(try blob.missing(in: 0..<5) == [2..<3])
            #expect(try fixture.bytes(blob, 0..<2) == fixture.content(0..<2))
            #expect(try fixture.bytes(blob, 1..<4) == nil)
            #expect(try !blob.finish())
            #expect(try fixture.content(2..<3).withUnsafeBytes { try blob.store($0, at: 2) })
            #expect(try blob.finish() && blob.isWhole)
            #expect(try Files.read(fixture.path, limit: 1 << 20) == fixture.content)
            #expect(!Files.exists(fixture.partial))
            #expect(try fixture.store.verify(nil).faults.isEmpty)
        }
    }

    @Test func aWrongBlockIsNotStored() throws {
        try BlockFixture.with(blocks: 3) { fixture in
            let blob = try fixture.blob()
            #expect(try !fixture.content(0..<1).withUnsafeBytes { try blob.store($0, at: 1) })
            #expect(try blob.missing(in: 0..<3) == [0..<3])
        }
    }

    @Test func zerosNeedNotCome() throws {
        try BlockFixture.with(blocks: 6, zeros: 2..<5) { fixture in
            let blob = try fixture.blob()
            #expect(try blob.missing(in: 0..<6) == [0..<2, 5..<6])
            #expect(try fixture.bytes(blob, 2..<5) == [UInt8](repeating: 0, count: 3 * 4096))
        }
    }

    @Test func whatAKillLeftIsGoneOnWith() throws {
        try BlockFixture.with(blocks: 4) { fixture in
            let first = try fixture.blob()
            #expect(try fixture.content(1..<2).withUnsafeBytes { try first.store($0, at: 1) })
            // A torn write: half a block, and a file that was cut.
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: fixture.partial))
            try file.seek(toOffset: 2 * 4096)
            try file.write(contentsOf: fixture.content(2..<3).prefix(2000))
            try file.truncate(atOffset: 3 * 4096 + 5)
            try file.close()
            let second = try fixture.blob()
            #expect(try second.missing(in: 0..<4) == [0..<1, 2..<4])
            #expect(try second.damaged() == [2])
        }
    }

    @Test func aDamagedBlobLeavesTheLayoutAndIsMended() throws {
        try BlockFixture.with(blocks: 8) { fixture in
            try Data(fixture.content).write(to: URL(fileURLWithPath: fixture.path))
            try fixture.damage(fixture.path, block: 6)
            let blob = try fixture.blob()
            #expect(blob.isWhole)
            #expect(try fixture.bytes(blob, 0..<6) == fixture.content(0..<6))
            #expect(try fixture.bytes(blob, 5..<7) == nil)
            let place = PlaceFixture("mirror", fixture.content)
            let fetch = BlockFetch(blob, from: { _ in [place] })
            try fetch.bring(5..<7)
            #expect(try fixture.bytes(blob, 5..<7) == fixture.content(5..<7))
            #expect(fetch.report.faults.count == 1, "\(fetch.report.faults)")
            #expect(try blob.finish())
            #expect(try Files.read(fixture.path, limit: 1 << 20) == fixture.content)
        }
    }

    /// What turned on the disk since is found by the next process: by reading again, or by `image verify`.
    @Test func whatAProcessHasVerifiedItDoesNotHashAgain() throws {
        try BlockFixture.with(blocks: 8) { fixture in
            try Data(fixture.content).write(to: URL(fileURLWithPath: fixture.path))
            let blob = try fixture.blob()
            #expect(try fixture.bytes(blob, 0..<6) == fixture.content(0..<6))
            for block in [4, 7] { try fixture.damage(fixture.path, block: block) }
            var turned = fixture.content(0..<6)
            turned[4 * 4096 + 17] ^= 1
            #expect(try fixture.bytes(blob, 0..<6) == turned)
            // Not read before.
            #expect(try fixture.bytes(blob, 6..<8) == nil)
            let next = try fixture.blob()
            #expect(try fixture.bytes(next, 0..<4) == fixture.content(0..<4))
            #expect(try fixture.bytes(next, 0..<6) == nil)
        }
    }

    @Test func damageOfWhatArrivesIsFoundByVerify() throws {
        try BlockFixture.with(blocks: 8) { fixture in
            let blob = try fixture.blob()
            for block in 2..<6 {
                _ = try fixture.content(block..<block + 1).withUnsafeBytes { try blob.store($0, at: block) }
            }
            #expect(try fixture.store.verify(nil).faults.isEmpty)
            try fixture.damage(fixture.partial, block: 4)
            let faults = try fixture.store.verify(nil).faults
            #expect(faults.count == 1 && "\(faults)".contains(fixture.layer.filesystem.digest.description))
        }
    }

    @Test func garbageKeepsWhatArrivesForAnImageAndNothingElse() throws {
        try BlockFixture.with(blocks: 3) { fixture in
            _ = try fixture.blob()
            let stranger = "\(fixture.store.partials)/\(String(repeating: "a", count: 64))"
            try Files.write([1], to: stranger)
            let later = Timestamp(seconds: Host.realtime.seconds + 1000)
            let garbage = try fixture.store.collectGarbage(olderThan: .zero, now: later)
            #expect(garbage.files == 1)
            #expect(Files.exists(fixture.partial) && !Files.exists(stranger))
            _ = try fixture.store.remove(fixture.image.digest)
            #expect(!Files.exists(fixture.partial))
        }
    }
}
