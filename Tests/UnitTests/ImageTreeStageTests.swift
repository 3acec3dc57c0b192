import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageTree
@testable import Linux

@Suite struct ImageTreeStageTests {
    private typealias Fixture = ImageTreeFixture
    private static let time = Timestamp(seconds: 1_650_000_000)

    /// Makes both trees, stages the difference, and returns the upper's entries.
    private static func stage(_ directory: String, seed: UInt64) throws -> (
        base: [FileEntry], new: [FileEntry], upper: [FileEntry]
    ) {
        var random = SeededGenerator(seed: seed)
        let base = ModelNode.random(depth: 3, using: &random)
        let new = base.mutated(depth: 3, using: &random)
        for (name, model) in [("base", base), ("new", new)] {
            try create(model, at: "\(directory)/\(name)")
        }
        let baseEntries = try Fixture.entries("\(directory)/base")
        let newEntries = try Fixture.entries("\(directory)/new")
        _ = try ImageFixture.run(["cp", "-a", "\(directory)/new", "\(directory)/expected"])
        let changes = try LayerDifference.changes(base: baseEntries, new: newEntries)
        let upper = try LayerDifference.stage(
            changes, from: "\(directory)/new", to: "\(directory)/upper", time: time)
        return (baseEntries, newEntries, upper)
    }

    private static func create(_ model: ModelNode, at path: String) throws {
        switch model {
        case .directory(let mode, let children):
            try FileAttributes.makeDirectory(path, mode: 0o755)
            for (name, child) in children { try create(child, at: "\(path)/\(name)") }
            try FileAttributes.setMode(path, mode)
        case .leaf(.symbolicLink(let target), _, _): try Fixture.link(path, to: target)
        case .leaf(.fifo, let mode, _):
            mkfifo(path, 0o600)
            try FileAttributes.setMode(path, mode)
        case .leaf(.file(_, let digest), let mode, let time):
            try Data(digest.hex.utf8).write(to: URL(fileURLWithPath: path))
            try FileAttributes.setMode(path, mode)
            try FileAttributes.setModified(path, seconds: time)
        case .leaf: Issue.record("no such file in a model")
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root, if of a namespace, gives files away"))
    func stagedLayersHoldWhatTheyListAndMergeBackToTheNewTree() throws {
        for seed in 1000..<1012 as Range<UInt64> {
            try Fixture.withDirectory { directory in
                let (base, new, upper) = try Self.stage(directory, seed: seed)
                #expect(try Fixture.entries("\(directory)/upper") == upper, "seed \(seed)")
                #expect(upper.allSatisfy { !($0.isDirectory || $0.isWhiteout) || $0.modified == Self.time })
                let merged = FileListing.merge([base, upper])
                #expect(merged.map(\.path) == new.map(\.path), "seed \(seed)")
                #expect(zip(merged, new).allSatisfy { $0.kind == $1.kind && $0.mode == $1.mode }, "seed \(seed)")
            }
        }
    }

    @Test func hardLinksHolesAndAttributesOfMovedFilesStay() throws {
        try Fixture.withDirectory { directory in
            try Files.makeDirectories("\(directory)/base")
            try Fixture.write("text", to: "\(directory)/new/a/one")
            #expect(link("\(directory)/new/a/one", "\(directory)/new/b") == 0)
            try Descriptor.createSparse("\(directory)/new/sparse", bytes: 1 << 30).synchronise()
            let new = try Fixture.entries("\(directory)/new")
            let changes = try LayerDifference.changes(base: Fixture.entries("\(directory)/base"), new: new)
            let upper = try LayerDifference.stage(
                changes, from: "\(directory)/new", to: "\(directory)/upper", time: Self.time)
            #expect(upper.map(\.path) == [".", "a", "a/one", "b", "sparse"])
            let one = try FileStatus("\(directory)/upper/a/one")
            #expect(one.links == 2)
            #expect(try FileStatus("\(directory)/upper/b").inode == one.inode)
            #expect(try FileStatus("\(directory)/upper/sparse").blocks < 100)
            #expect(!Files.exists("\(directory)/new/a/one"))
        }
    }

    @Test func aFilledUpperIsRefused() throws {
        try Fixture.withDirectory { directory in
            try Fixture.write("text", to: "\(directory)/upper/left")
            let error = try #require(throws: ImageTreeError.self) {
                try LayerDifference.stage([], from: "\(directory)/new", to: "\(directory)/upper", time: Self.time)
            }
            #expect(error.message.contains("not empty"))
        }
    }

    // MARK: - The kernel's own merge

    /// Prints all that it tells of a tree, but times of regular files only.
    private static let print = """
        print() {
            (cd "$1" && find . -type f -printf '%y %m %U %G %s %T@ %p\\n' , -type l -printf '%y %l %p\\n' , \
                ! -type f ! -type l -printf '%y %m %U %G %p\\n' | LC_ALL=C sort &&
                find . -type f -exec sha256sum {} + | LC_ALL=C sort)
        }
        """

    private static func inNamespace(_ script: String) throws -> (status: Int32, text: String) {
        try ImageFixture.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc", script])
    }

    static let mayMountOverlays: Bool = {
        do {
            return try Fixture.withDirectory { directory in
                try Files.makeDirectories("\(directory)/a")
                try Files.makeDirectories("\(directory)/b")
                let script = "mount -t overlay o -o lowerdir='\(directory)/a:\(directory)/b' '\(directory)/b'"
                return try inNamespace(script).status == 0
            }
        } catch { return false }
    }()

    @Test(
        .enabled(if: getuid() == 0 && mayMountOverlays, "this kernel lets no user namespace mount overlay filesystems"))
    func overlayfsShowsTheNewTree() throws {
        try Fixture.withDirectory { directory in
            var script = Self.print
            for seed in 2000..<2010 as Range<UInt64> {
                let place = "\(directory)/\(seed)"
                try Files.makeDirectories(place)
                _ = try Self.stage(place, seed: seed)
                try Files.makeDirectories("\(place)/merged")
                script += """

                    mount -t overlay o -o 'lowerdir=\(place)/upper:\(place)/base' '\(place)/merged'
                    print '\(place)/expected' > '\(place)/expected.txt'
                    print '\(place)/merged' > '\(place)/merged.txt'
                    umount '\(place)/merged'
                    diff '\(place)/expected.txt' '\(place)/merged.txt' || { echo 'seed \(seed)'; exit 1; }
                    test -s '\(place)/merged.txt'
                    """
            }
            let outcome = try Self.inNamespace(script)
            #expect(outcome.status == 0, "\(outcome.text)")
        }
    }
}
