import Crypto
import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageTree
@testable import Linux

@Suite struct ImageTreeWalkTests {
    private typealias Fixture = ImageTreeFixture

    @Test func entriesComeInTheOrderOfListings() throws {
        try Fixture.withDirectory { root in
            for path in ["a/x/1", "a/x-y", "a-b", "a.b/c", "a", "é/ü", "a/x.z/k", "b"] where path != "a" {
                try Fixture.write(path, to: "\(root)/\(path)")
            }
            try Fixture.link("\(root)/a/loop", to: "..")
            let entries = try Fixture.entries(root)
            #expect(
                entries.map(\.path) == [
                    ".", "a", "a-b", "a.b", "a.b/c", "a/loop", "a/x", "a/x-y", "a/x.z", "a/x.z/k", "a/x/1", "b", "é",
                    "é/ü",
                ])
            #expect(entries.map(\.path) == entries.sorted(by: FileEntry.precedes).map(\.path))
            #expect(try FileListing.decode(FileListing.encode(entries), source: "walk") == entries)
        }
    }

    @Test func contentsAreHashedAsFoundationReadsThem() throws {
        try Fixture.withDirectory { root in
            for size in [0, 1, 1 << 19, 1 << 19 + 1, 3_000_000] {
                try Data(ImageFixture.bytes(size, seed: 1)).write(to: URL(fileURLWithPath: "\(root)/\(size)"))
            }
            for entry in try Fixture.entries(root) {
                guard case .file(let size, let digest) = entry.kind else { continue }
                let content = try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(entry.path)"))
                #expect(size == content.count)
                #expect(digest == Digest(bytes: SHA256.hash(data: content)))
            }
        }
    }

    @Test func holesAreHashedAsZeros() throws {
        try Fixture.withDirectory { root in
            let file = try Descriptor.createSparse("\(root)/sparse", bytes: 9_000_001)
            #expect(pwrite(file.raw, "middle", 6, 4_000_000) == 6)
            let content = try Data(contentsOf: URL(fileURLWithPath: "\(root)/sparse"))
            let entry = try #require(try Fixture.entries(root).last)
            #expect(entry.kind == .file(size: 9_000_001, digest: Digest(bytes: SHA256.hash(data: content))))
        }
    }

    @Test func whatIsNoContentOfImagesIsListedButNotEntered() throws {
        try Fixture.withDirectory { root in
            for path in ["dev/null", "proc/1/stat", "sys/x", "run/x", "tmp/x", "usr/tmp/kept"] {
                try Fixture.write("x", to: "\(root)/\(path)")
            }
            try FileAttributes.setMode("\(root)/tmp", 0o1777)
            let entries = try Fixture.entries(root)
            #expect(
                entries.map(\.path) == [".", "dev", "proc", "run", "sys", "tmp", "usr", "usr/tmp", "usr/tmp/kept"])
            #expect(entries[5].mode == 0o1777)
        }
    }

    @Test func laterTimesAreClampedOnDiskAndFractionsCut() throws {
        try Fixture.withDirectory { root in
            for name in ["early", "late", "fraction", "ancient"] { try Fixture.write("x", to: "\(root)/\(name)") }
            try Fixture.link("\(root)/link", to: "nowhere")
            try FileAttributes.setModified("\(root)/late", seconds: 2_000_000_000)
            try FileAttributes.setModified("\(root)/ancient", seconds: -5)
            utimensat(AT_FDCWD, "\(root)/fraction", [timespec(), timespec(tv_sec: 1_500_000_000, tv_nsec: 5)], 0)
            let looked = try TreeWalk(root: root).entries().entries
            #expect(try FileStatus("\(root)/fraction").nanoseconds == 5)
            #expect(looked.first { $0.path == "late" }?.modified == Timestamp(seconds: 2_000_000_000))
            let entries = try Fixture.entries(root, clamp: 1_700_000_000)
            for (name, seconds) in [
                ("early", 1_600_000_000), ("late", 1_700_000_000), ("fraction", 1_500_000_000), ("ancient", 0),
                ("link", 1_700_000_000), (".", 1_700_000_000),
            ] as [(String, Int64)] {
                #expect(entries.first { $0.path == name }?.modified == Timestamp(seconds: seconds), "\(name)")
                let status = try FileStatus("\(root)/\(name)\(name == "." ? "/." : "")")
                #expect(status.seconds == seconds && status.nanoseconds == 0, "\(name)")
            }
        }
    }

    private static let hasMountBelowDevices: Bool = {
        do { return try FileStatus("/dev").filesystem != FileStatus("/dev/shm").filesystem } catch { return false }
    }()

    @Test(.enabled(if: hasMountBelowDevices, "nothing is mounted on /dev/shm"))
    func mountPointsAreRefused() throws {
        let error = try #require(throws: ImageTreeError.self) { try Fixture.entries("/dev") }
        #expect(error.code == .unsuitableTree && error.message.contains("mount point"))
    }

    @Test func namesThatAreNotUTF8AreRefused() throws {
        try Fixture.withDirectory { root in
            try Files.makeDirectories("\(root)/data")
            let path: [CChar] = "\(root)/data/caf".utf8.map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xe9), 0]
            close(open(path, O_CREAT | O_WRONLY, 0o600))
            defer { unlink(path) }
            let error = try #require(throws: ImageTreeError.self) { try Fixture.entries(root) }
            #expect(error.code == .refusedName)
            #expect(
                error.message.contains("/data") && error.message.contains("caf\\351")
                    && error.message.contains("rename"))
        }
    }

    /// tmpfs has attributes of users since Linux 6.6.
    private static let hasUserAttributes: Bool = {
        do {
            try Fixture.withDirectory { try FileAttributes.setExtended("user.note", of: $0, to: [1]) }
            return true
        } catch { return false }
    }()

    @Test(.enabled(if: hasUserAttributes, "the filesystem of temporary files has no extended attributes"))
    func foreignAttributesAreDroppedAndCounted() throws {
        try Fixture.withDirectory { root in
            for name in ["a", "b"] {
                try Fixture.write("x", to: "\(root)/\(name)")
                try FileAttributes.setExtended("user.note", of: "\(root)/\(name)", to: [1, 2])
            }
            // A security module's label may be there too, and stays.
            let looked = try TreeWalk(root: root).entries().dropped.filter { $0.name.hasPrefix("user.") }
            #expect(looked.map(\.removed) == [false])
            let (entries, all) = try TreeWalk(root: root, clamp: Timestamp(seconds: 1_700_000_000)).entries()
            let dropped = all.filter { $0.name.hasPrefix("user.") }
            #expect(entries.allSatisfy { $0.attributes.isEmpty })
            #expect(dropped.map(\.name) == ["user.note"] && dropped.map(\.count) == [2])
            #expect(dropped.map(\.example) == ["/a"] && dropped.map(\.removed) == [true])
            #expect(try FileAttributes.extended("user.note", of: "\(root)/a") == nil)
        }
    }

    @Test func capabilitiesLoseTheirNamespace() throws {
        let second: [UInt8] = [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14)
        let third: [UInt8] = [1, 0, 0, 3, 0, 0x20] + [UInt8](repeating: 0, count: 14) + [0xe8, 3, 0, 0]
        #expect(try FileCapability.canonical(second, path: "ping") == second)
        #expect(try FileCapability.canonical(third, path: "ping") == second)
        for odd in [[], [1, 0, 0, 2], third.dropLast(), second + [0, 0, 0, 0]] as [[UInt8]] {
            #expect(throws: ImageTreeError.self) { try FileCapability.canonical(odd, path: "ping") }
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root sets capabilities"))
    func capabilitiesOfFilesAreKept() throws {
        try Fixture.withDirectory { root in
            try Fixture.write("x", to: "\(root)/ping")
            let value: [UInt8] = [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14)
            try FileAttributes.setExtended("security.capability", of: "\(root)/ping", to: value)
            let entries = try Fixture.entries(root, clamp: 1)
            #expect(entries.last?.attributes == ["security.capability": value])
        }
    }
}
