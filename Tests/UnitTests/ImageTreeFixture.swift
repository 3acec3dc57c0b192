import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageTree
@testable import Linux

/// What the tests of trees share: scratch directories, small trees on disk, and random ones in memory.
enum ImageTreeFixture {
    /// A directory that is gone after `body`, whatever modes lie in it.
    static func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = FileManager.default.temporaryDirectory.path + "/tree-\(UInt64.random(in: 0 ... .max))"
        try Files.makeDirectories(path)
        defer {
            do { try Files.removeTree(path) } catch { Issue.record(error) }
        }
        return try body(path)
    }

    /// Writes a file and the directories that it lies in.
    static func write(_ text: String, to path: String, mode: UInt16 = 0o644) throws {
        try Files.makeDirectories(Files.parent(of: path))
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileAttributes.setMode(path, mode)
        try FileAttributes.setModified(path, seconds: 1_600_000_000)
    }

    static func link(_ path: String, to target: String) throws {
        try Files.makeDirectories(Files.parent(of: path))
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    static func entries(_ root: String, clamp: Int64? = nil) throws -> [FileEntry] {
        try TreeWalk(root: root, clamp: clamp.map { Timestamp(seconds: $0) }).entries().entries
    }

    static func file(_ path: String, size: Int64 = 1, mode: UInt16 = 0o644) -> FileEntry {
        FileEntry(
            path: path, kind: .file(size: size, digest: digest(path)), mode: mode, uid: 0, gid: 0,
            modified: Timestamp(seconds: 5))
    }

    static func directory(_ path: String, mode: UInt16 = 0o755) -> FileEntry {
        FileEntry(path: path, kind: .directory, mode: mode, uid: 0, gid: 0, modified: Timestamp(seconds: 7))
    }

    /// Any digest, another for another text.
    static func digest(_ text: String) -> Digest {
        Digest(bytes: (Array(text.utf8) + [UInt8](repeating: 1, count: 32)).prefix(32))
    }
}

/// The same sequence for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

    mutating func next() -> UInt64 {
        // SplitMix64 (Steele, Lea and Flood).
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

/// A file in memory: what the reference of the tests merges, in the plainest way there is.
indirect enum ModelNode: Equatable {
    case directory(mode: UInt16, children: [String: ModelNode])
    case leaf(FileEntry.Kind, mode: UInt16, time: Int64)

    static let names = ["a", "a-b", "a.b", "b", "c", "é"]

    static func random(depth: Int, using random: inout SeededGenerator) -> ModelNode {
        var children: [String: ModelNode] = [:]
        for name in names where Int.random(in: 0..<10, using: &random) < 6 {
            children[name] = child(depth: depth - 1, using: &random)
        }
        return .directory(mode: [0o755, 0o755, 0o2775, 0o555].randomElement(using: &random) ?? 0, children: children)
    }

    private static func child(depth: Int, using random: inout SeededGenerator) -> ModelNode {
        let mode: UInt16 = Bool.random(using: &random) ? 0o644 : 0o755
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4 where depth > 0: return .random(depth: depth, using: &random)
        case 4: return .leaf(.symbolicLink(target: Bool.random(using: &random) ? "a" : "/b"), mode: 0o777, time: 3)
        case 5: return .leaf(.fifo, mode: mode, time: 3)
        default:
            let content = ["x", "y"].randomElement(using: &random) ?? ""
            let digest = Digest(bytes: ImageTreeFixture.digest(content).hex.utf8.prefix(32))
            return .leaf(.file(size: 1, digest: digest), mode: mode, time: Int64.random(in: 3...4, using: &random))
        }
    }

    /// Another tree, most of it the same.
    func mutated(depth: Int, using random: inout SeededGenerator) -> ModelNode {
        guard case .directory(var mode, var children) = self else {
            return Int.random(in: 0..<4, using: &random) == 0 ? Self.child(depth: depth, using: &random) : self
        }
        if Int.random(in: 0..<8, using: &random) == 0 { mode ^= 0o022 }
        for name in Self.names {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: children[name] = nil
            case 1: children[name] = Self.child(depth: depth - 1, using: &random)
            default: children[name] = children[name]?.mutated(depth: depth - 1, using: &random)
            }
        }
        return .directory(mode: mode, children: children)
    }

    /// What overlayfs shows: directories merge, all else hides, whiteouts remove.
    func covered(by upper: ModelNode) -> ModelNode {
        guard case .directory(let mode, let above) = upper, case .directory(_, var merged) = self else {
            return upper.withoutWhiteouts
        }
        for (name, node) in above {
            merged[name] = node.isWhiteout ? nil : merged[name]?.covered(by: node) ?? node.withoutWhiteouts
        }
        return .directory(mode: mode, children: merged)
    }

    private var isWhiteout: Bool {
        if case .leaf(.characterDevice(0, 0), _, _) = self { true } else { false }
    }

    private var withoutWhiteouts: ModelNode {
        guard case .directory(let mode, let children) = self else { return self }
        return .directory(
            mode: mode, children: children.filter { !$0.value.isWhiteout }.mapValues(\.withoutWhiteouts))
    }

    var entries: [FileEntry] { entries(at: ".").sorted(by: FileEntry.precedes) }

    private func entries(at path: String) -> [FileEntry] {
        func entry(_ kind: FileEntry.Kind, _ mode: UInt16, _ time: Int64) -> FileEntry {
            FileEntry(path: path, kind: kind, mode: mode, uid: 0, gid: 0, modified: Timestamp(seconds: time))
        }
        switch self {
        case .leaf(let kind, let mode, let time): return [entry(kind, mode, time)]
        case .directory(let mode, let children):
            return [entry(.directory, mode, 9)]
                + children.flatMap { $1.entries(at: path == "." ? $0 : "\(path)/\($0)") }
        }
    }

    /// The opposite of `entries`.
    init(_ entries: [FileEntry]) {
        self = .directory(mode: 0, children: [:])
        for entry in entries {
            let node: ModelNode =
                entry.isDirectory
                ? .directory(mode: entry.mode, children: [:])
                : .leaf(entry.kind, mode: entry.mode, time: entry.modified.seconds)
            insert(node, at: entry.isRoot ? [] : entry.path.split(separator: "/")[...])
        }
    }

    private mutating func insert(_ node: ModelNode, at path: ArraySlice<Substring>) {
        guard let name = path.first.map(String.init), case .directory(let mode, var children) = self else {
            self = node
            return
        }
        children[name, default: .directory(mode: 0, children: [:])].insert(node, at: path.dropFirst())
        self = .directory(mode: mode, children: children)
    }
}
