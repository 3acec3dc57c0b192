import Glibc
import GridModel
import ImageFormat
import ImageTree
import Linux
import StrictJSON

/// What the program itself does within a build's namespaces, where owners and modes are the tree's own. Reads its plan from
/// `/inputs/plan.json`, leaves its result in `/build/out`.
package enum BuildStep {
    struct Plan: Codable {
        var time: Timestamp
        /// Of a system: the tree as a whole becomes the layer.
        var isLowest: Bool
        var exemptions: Exemptions
        /// Directories of the tree, without leading slash.
        var snapshots: [String]
    }

    struct Result: Codable {
        /// PRETTY_NAME of its os-release; empty where it has none.
        var systemName: String
        var findings: [String]
        /// Extended attributes that images do not carry, removed.
        var dropped: [String]
    }

    private static let tree = "/build/tree"

    /// Gives the extracted base what `fsck.erofs` loses (1.5: extended attributes, and set-user-ID bits by its chown), and makes sure that it is
    /// what its list of files says.
    package static func restore() throws {
        let listed = try entries("/inputs/base.mtree")
        for entry in listed {
            if case .file = entry.kind, entry.mode & 0o6000 != 0 {
                try FileAttributes.setMode("\(tree)/\(entry.path)", entry.mode)
            }
            for (name, value) in entry.attributes {
                try FileAttributes.setExtended(name, of: "\(tree)/\(entry.path)", to: value)
            }
        }
        let walk = try TreeWalk(root: tree).entries()
        let changes = try LayerDifference.changes(base: listed, new: walk.entries)
        // The root always stands first; directories above a change come with it.
        guard changes.count <= 1 else {
            let examples = changes.dropFirst().filter { !isDirectory($0) } + changes.dropFirst()
            throw ImageFactoryError(
                .wrongInput,
                "the base image's list of files does not agree with its filesystem in \(changes.count - 1) places, for example "
                    + examples.prefix(3).map(name).joined(separator: ", "))
        }
    }

    private static func isDirectory(_ change: LayerChange) -> Bool {
        if case .directory = change { true } else { false }
    }

    private static func name(_ change: LayerChange) -> String {
        switch change {
        case .directory(let entry), .move(let entry): entry.absolutePath
        case .whiteout(let path): "/\(path)"
        }
    }

    /// From the finished tree: what is not clean, the packages, and what the layer holds, staged for mkfs.erofs.
    package static func assemble() throws {
        let plan = try StrictJSON.decode(
            Plan.self, from: try Files.read("/inputs/plan.json", limit: 4 << 20), source: "/inputs/plan.json")
        let walk = try TreeWalk(root: tree, clamp: plan.time).entries()
        let packages = try PackageScan.packages(of: tree, entries: walk.entries, rpm: runRPM)
        try Files.write(try packages.encoded(), to: "/build/out/packages.json")
        let name = try systemName()
        for (index, destination) in plan.snapshots.enumerated() {
            try SnapshotDigests.write(
                walk.entries, below: destination, of: tree, to: "/build/out/snapshot-\(index).digests")
        }
        var layer = walk.entries
        if !plan.isLowest {
            let changes = try LayerDifference.changes(base: try entries("/inputs/base.mtree"), new: walk.entries)
            layer = try LayerDifference.stage(changes, from: tree, to: "/build/upper", time: plan.time)
        }
        let findings = try Cleanliness.findings(
            entries: layer, tree: plan.isLowest ? tree : "/build/upper", isLowest: plan.isLowest,
            exemptions: plan.exemptions)
        let output = try Descriptor.open("/build/out/files.mtree", O_WRONLY | O_CREAT | O_TRUNC)
        var writer = FileListingWriter { try output.write($0) }
        for entry in layer { try writer.add(entry) }
        try writer.finish()
        let result = Result(
            systemName: name, findings: findings.map(\.description),
            dropped: walk.dropped.map { "\($0.name) of \($0.count) files, for example \($0.example)" })
        try Files.write(try StrictJSON.encode(result, pretty: true), to: "/build/out/result.json")
    }

    private static func entries(_ path: String) throws -> [FileEntry] {
        let file = try Descriptor.open(path, O_RDONLY)
        var reader = FileListingReader(source: path) { try file.read(upTo: 1 << 20) }
        var entries: [FileEntry] = []
        while let entry = try reader.next() { entries.append(entry) }
        return entries
    }

    private static func systemName() throws -> String {
        let name = try OSRelease.value("PRETTY_NAME", in: tree) ?? ""
        return String(name.unicodeScalars.filter { $0.properties.generalCategory != .control }.prefix(100))
    }

    /// Nil where rpm is not installed.
    private static func runRPM(_ arguments: [String]) throws -> [UInt8]? {
        guard let program = Files.findProgram("rpm", path: nil) else { return nil }
        let output = try Descriptor.memory(named: "rpm")
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let child = try ChildProcess.spawn(
            ChildSpecification(
                program, arguments, environment: ["LC_ALL=C.UTF-8", "HOME=/root"], descriptors: [null, output, null]))
        guard try child.wait() == .exited(0) else {
            throw ImageFactoryError(.toolFailed, "rpm could not read the tree's database of packages")
        }
        try retrying("rewind the output of rpm") { lseek(output.raw, 0, SEEK_SET) }
        var bytes: [UInt8] = []
        while let chunk = try output.read(upTo: 1 << 16), !chunk.isEmpty { bytes += chunk }
        return bytes
    }
}
