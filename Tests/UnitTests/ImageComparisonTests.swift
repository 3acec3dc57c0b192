import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore

@Suite struct ImageComparisonTests {
    private func file(_ path: String, _ size: Int64 = 1, mode: UInt16 = 0o644, owner: UInt32 = 0) -> FileEntry {
        let digest = BlobHash.digest(of: Array("\(size)".utf8))
        return FileEntry(
            path: path, kind: .file(size: size, digest: digest), mode: mode, uid: owner, gid: 0,
            modified: Timestamp(seconds: 1))
    }

    private func directory(_ path: String, time: Int64 = 1) -> FileEntry {
        FileEntry(
            path: path, kind: .directory, mode: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: time))
    }

    private func removal(_ path: String) -> FileEntry {
        FileEntry.whiteout(path: path, modified: Timestamp(seconds: 1))
    }

    private func sorted(_ entries: [FileEntry]) -> [FileEntry] { entries.sorted(by: FileEntry.precedes) }

    @Test func everyKindOfChangeIsToldInOrder() {
        let old = sorted([
            directory("."), file("a"), file("b"), file("c", 5), file("d"), directory("e"), file("same"),
        ])
        let link = FileEntry(
            path: "e", kind: .symbolicLink(target: "a"), mode: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 1))
        let new = sorted([
            directory(".", time: 9), file("b", mode: 0o4755, owner: 7), file("c", 9), file("d"), link, file("f", 3),
            file("same"),
        ])
        #expect(
            FileComparison.lines(from: old, to: new) == [
                "removed /a", "changed /b: mode 0644 -> 04755, owner 0:0 -> 7:0", "changed /c: content",
                "changed /e: directory -> link to a", "added /f",
            ])
        let changes = FileComparison.changes(from: old, to: new)
        #expect(changes.map(\.before) == [1, 1, 5, 0, 0] && changes.map(\.after) == [0, 1, 9, 0, 3])
        #expect(FileComparison.changes(from: old, to: old).isEmpty)
        #expect(FileComparison.changes(from: [], to: old).count == old.count)
    }

    @Test func namesAreComparedByTheirBytes() {
        // Unicode holds the two for the same.
        let (composed, decomposed) = (file("caf\u{e9}"), file("cafe\u{301}"))
        let lines = FileComparison.lines(from: [composed], to: [decomposed])
        #expect(lines.count == 2 && lines[0].hasPrefix("added") && lines[1].hasPrefix("removed"))
    }

    @Test func packagesAreComparedByTypeNameAndArchitecture() {
        func package(
            _ name: String, _ version: String, _ type: InstalledPackage.Kind = .deb, _ architecture: String? = "amd64"
        )
            -> InstalledPackage
        { InstalledPackage(type: type, name: name, version: version, architecture: architecture) }
        let old = PackageList(
            distribution: "debian",
            packages: [
                package("libc6", "2.36-9"), package("libc6", "2.36-9", .deb, "i386"), package("perl", "5"),
                package("numpy", "1.0", .pypi, nil), package("numpy", "2.0", .pypi, nil),
            ])
        let new = PackageList(
            distribution: "debian",
            packages: [
                package("libc6", "2.36-10"), package("libc6", "2.36-9", .deb, "i386"),
                package("numpy", "2.0", .pypi, nil),
                package("numpy", "2.0"),
            ])
        let changes = PackageComparison.changes(from: old, to: new)
        let told = changes.map { "\($0.kind) \($0.type) \($0.name): \($0.before) \($0.after)" }
        #expect(
            told == [
                #"changed deb libc6: ["2.36-9"] ["2.36-10"]"#, #"added deb numpy: [] ["2.0"]"#,
                #"removed deb perl: ["5"] []"#,
                #"changed pypi numpy: ["1.0", "2.0"] ["2.0"]"#,
            ])
        #expect(PackageComparison.changes(from: old, to: old).isEmpty)
    }

    // MARK: - Layers on one another

    private func shown(_ layers: [[FileEntry]]) throws -> [FileListingOverlay.Element] {
        let readers = try layers.map { layer in
            var rest = try FileListing.encode(layer)[...]
            // A few bytes at a time.
            return FileListingReader(source: "test") {
                defer { rest = rest.dropFirst(7) }
                return Array(rest.prefix(7))
            }
        }
        var overlay = try FileListingOverlay(readers)
        var elements: [FileListingOverlay.Element] = []
        while let element = try overlay.nextElement() { elements.append(element) }
        return elements
    }

    @Test func aLayerCoversAndRemovesWhatIsBelow() throws {
        let lower = sorted([
            directory("."), file("a"), directory("d"), file("d/x"), file("d-y"), directory("g"), file("g/h"),
        ])
        let middle = sorted([directory("."), file("a", 2), removal("d"), removal("nothing")])
        let upper = sorted([directory("."), directory("d"), file("d/z"), file("g")])
        let elements = try shown([lower, middle, upper])
        #expect(
            elements.map { "\($0.layer) \($0.entry.isWhiteout ? "-" : "")\($0.entry.path)" } == [
                "2 .", "1 a", "2 d", "0 d-y", "2 d/z", "2 g", "1 -nothing",
            ])
        let merged = FileListing.merge([lower, middle, upper])
        #expect(elements.filter { !$0.entry.isWhiteout }.map(\.entry) == merged)
    }

    @Test("What is read piece by piece is what merging whole lists gives", arguments: 0..<60)
    func overlayEqualsMerge(seed: UInt64) throws {
        var state = seed
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let names = ["a", "a-b", "b", "c"]
        func entries(in parent: String, depth: Int, isLowest: Bool) -> [FileEntry] {
            names.flatMap { name -> [FileEntry] in
                let path = parent == "." ? name : "\(parent)/\(name)"
                switch random(6) {
                case 0: return [file(path, Int64(random(9)))]
                case 1 where !isLowest: return [removal(path)]
                case 2, 3:
                    let below = depth < 3 ? entries(in: path, depth: depth + 1, isLowest: isLowest) : []
                    return [directory(path)] + below
                default: return []
                }
            }
        }
        let layers = (0..<4).map { sorted([directory(".")] + entries(in: ".", depth: 0, isLowest: $0 == 0)) }
        let elements = try shown(layers)
        #expect(elements.filter { !$0.entry.isWhiteout }.map(\.entry) == FileListing.merge(layers))
        #expect(elements.allSatisfy { layers[$0.layer].contains($0.entry) })
    }
}
