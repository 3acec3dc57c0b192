import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageTree
@testable import Linux

@Suite struct ImageTreeDifferenceTests {
    private typealias Fixture = ImageTreeFixture

    private static func summary(_ base: [FileEntry], _ new: [FileEntry]) throws -> [String] {
        try LayerDifference.changes(base: base, new: new).map { change in
            switch change {
            case .directory(let entry): "d \(entry.path)"
            case .move(let entry): "m \(entry.path)"
            case .whiteout(let path): "w \(path)"
            }
        }
    }

    @Test func equalTreesGiveTheRootAlone() throws {
        let tree = [Fixture.directory("."), Fixture.directory("a"), Fixture.file("a/x")]
        var touched = tree
        touched[1].modified = Timestamp(seconds: 100)
        #expect(try Self.summary(tree, touched) == ["d ."])
    }

    @Test func aChangeBringsTheDirectoriesAboveIt() throws {
        let base = [
            Fixture.directory("."), Fixture.directory("a"), Fixture.file("a-b"), Fixture.directory("a/b"),
            Fixture.file("a/b/x"), Fixture.file("a/b/y"),
        ]
        var new = base
        new[4].modified = Timestamp(seconds: 6)
        #expect(try Self.summary(base, new) == ["d .", "d a", "d a/b", "m a/b/x"])
    }

    @Test func whatIsGoneIsOneWhiteoutAndWhatIsEmptiedOneForEachChild() throws {
        let root = Fixture.directory(".")
        let base = [
            root, Fixture.directory("a"), Fixture.file("a-b"), Fixture.directory("a/b"), Fixture.file("a/b/x"),
            Fixture.file("a/c"),
        ]
        #expect(try Self.summary(base, [root, Fixture.file("a-b")]) == ["d .", "w a"])
        #expect(
            try Self.summary(base, [root, Fixture.directory("a"), Fixture.file("a-b")]) == [
                "d .", "d a", "w a/b", "w a/c",
            ])
    }

    @Test func typesThatChangeNeedNoWhiteout() throws {
        let root = Fixture.directory(".")
        let filled = [root, Fixture.directory("a"), Fixture.directory("a/b"), Fixture.file("a/b/x")]
        let flat = [root, Fixture.file("a")]
        #expect(try Self.summary(filled, flat) == ["d .", "m a"])
        #expect(try Self.summary(flat, filled) == ["d .", "d a", "d a/b", "m a/b/x"])
    }

    @Test func everyPropertyCounts() throws {
        let root = Fixture.directory(".")
        let file = Fixture.file("a")
        let edits: [(inout FileEntry) -> Void] = [
            { $0.mode = 0o600 }, { $0.uid = 1 }, { $0.gid = 1 }, { $0.modified = Timestamp(seconds: 6) },
            { $0.attributes["security.capability"] = [1] }, { $0.kind = .fifo },
            { $0.kind = .file(size: 1, digest: Fixture.digest("other")) }, { $0.kind = .symbolicLink(target: "b") },
        ]
        for edit in edits {
            var changed = file
            edit(&changed)
            #expect(try Self.summary([root, file], [root, changed]) == ["d .", "m a"])
        }
    }

    @Test func aWhiteoutOfTheTreesOwnIsRefused() throws {
        let root = Fixture.directory(".")
        let error = try #require(throws: ImageTreeError.self) {
            try Self.summary([root], [root, .whiteout(path: "a", modified: Timestamp(seconds: 1))])
        }
        #expect(error.message.contains("/a is a character device 0:0"))
    }

    @Test func listsOutOfOrderOrWithoutParentsAreRefused() throws {
        let root = Fixture.directory(".")
        for wrong in [
            [root, Fixture.file("b"), Fixture.file("a")], [Fixture.file("b")], [root, Fixture.file("a/b")],
            [root, Fixture.file("a"), Fixture.file("a/b")],
        ] {
            #expect(throws: ImageTreeError.self) { try Self.summary([root], wrong) }
        }
    }

    /// What an upper layer shows, by the plain reference of the tests and by `FileListing.merge`.
    @Test func randomTreesMergeBackToTheNewTree() throws {
        for seed in 0..<400 {
            var random = SeededGenerator(seed: UInt64(seed))
            let base = ModelNode.random(depth: 3, using: &random)
            let new = base.mutated(depth: 3, using: &random)
            let upper = try LayerDifference.changes(base: base.entries, new: new.entries).map { change in
                switch change {
                case .directory(let entry), .move(let entry): entry
                case .whiteout(let path): FileEntry.whiteout(path: path, modified: Timestamp(seconds: 0))
                }
            }
            #expect(
                Self.timeless(base.covered(by: ModelNode(upper)).entries) == Self.timeless(new.entries), "seed \(seed)")
            #expect(
                Self.timeless(FileListing.merge([base.entries, upper])) == Self.timeless(new.entries), "seed \(seed)")
        }
    }

    /// Without the times that no layer tells.
    private static func timeless(_ entries: [FileEntry]) -> [FileEntry] {
        entries.map { entry in
            if case .file = entry.kind { return entry }
            var entry = entry
            entry.modified = Timestamp(seconds: 0)
            return entry
        }
    }
}
