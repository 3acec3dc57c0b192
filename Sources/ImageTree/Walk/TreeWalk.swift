package import GridModel
package import ImageFormat
import Linux

/// Lists the files of a tree in the order of listings, without following links or leaving the tree's filesystem.
package struct TreeWalk: Sendable {
    package var root: String
    /// The time of the build. Where given, the tree is made to agree with its listing: later times become this one,
    /// fractions of seconds are cut off, and attributes that images do not keep are removed. Without it, nothing
    /// changes.
    package var clamp: Timestamp?
    /// For hashing.
    package var threads: Int
    /// Directories of the root whose content is no part of images; they themselves are listed.
    package var excluded: Set<String> = ["dev", "proc", "run", "sys", "tmp"]

    package init(root: String, clamp: Timestamp? = nil, threads: Int = 2) {
        self.root = root
        self.clamp = clamp
        self.threads = threads
    }

    /// Every file of the tree. A list of a million takes some 300 MB: prefer `forEach` where the entries pass through.
    package func entries() throws -> (entries: [FileEntry], dropped: [DroppedAttribute]) {
        var entries: [FileEntry] = []
        let dropped = try forEach { entries.append($0) }
        return (entries, dropped)
    }

    /// Hands over one entry after the other, the root first; memory does not grow with the tree, but with its largest
    /// directory. Returns which attributes images do not keep.
    package func forEach(_ body: (FileEntry) throws -> Void) throws -> [DroppedAttribute] {
        let rootStatus = try FileStatus("\(root)/.")
        var attributes = AttributeFilter(removes: clamp != nil)
        var batch = HashBatch(threads: threads)
        let first = try entry(".", rootStatus, attributes: &attributes)
        try batch.add(first, file: nil)
        // Depth is the tree's to choose: not on our call stack.
        var open = [try Level(of: "", in: root)]
        while var level = open.popLast() {
            guard let item = level.next() else { continue }
            open.append(level)
            let path = level.path.isEmpty ? item.name : "\(level.path)/\(item.name)"
            if item.isContent {
                open.append(try Level(of: path, in: root))
                continue
            }
            if item.status.kind == .directory && item.status.filesystem != rootStatus.filesystem {
                throw ImageTreeError(
                    .unsuitableTree,
                    "/\(path) of the tree \(root) is a mount point, whose content is not the tree's: unmount it first")
            }
            if item.status.kind == .directory && !excluded.contains(path) { open[open.count - 1].addContent(of: item) }
            let entry = try entry(path, item.status, attributes: &attributes)
            try batch.add(entry, file: item.status.kind == .file ? "\(root)/\(path)" : nil)
            if batch.isFull { try batch.flush(to: body) }
        }
        try batch.flush(to: body)
        return attributes.dropped
    }

    /// A regular file's digest is still missing.
    private func entry(_ path: String, _ status: FileStatus, attributes: inout AttributeFilter) throws -> FileEntry {
        let place = "\(root)/\(path)"
        let kept = try attributes.filter(place, path: path, isFile: status.kind == .file)
        let kind: FileEntry.Kind =
            switch status.kind {
            case .directory: .directory
            case .file: .file(size: status.size, digest: HashBatch.pending)
            case .symbolicLink: .symbolicLink(target: try target(path, place))
            case .characterDevice: .characterDevice(major: status.major, minor: status.minor)
            case .blockDevice: .blockDevice(major: status.major, minor: status.minor)
            case .fifo: .fifo
            case .socket: .socket
            }
        return FileEntry(
            path: path, kind: kind, mode: status.mode, uid: status.uid, gid: status.gid,
            modified: try modified(place, status), attributes: kept)
    }

    private func modified(_ place: String, _ status: FileStatus) throws -> Timestamp {
        guard let clamp else { return Timestamp(seconds: max(0, status.seconds)) }
        let seconds = max(0, min(status.seconds, clamp.seconds))
        if seconds != status.seconds || status.nanoseconds != 0 {
            try FileAttributes.setModified(place, seconds: seconds)
        }
        return Timestamp(seconds: seconds)
    }

    private func target(_ path: String, _ place: String) throws -> String {
        let bytes = try FileAttributes.target(of: place)
        guard let target = String(validating: bytes, as: UTF8.self) else {
            throw ImageTreeError(
                .refusedName,
                "the link /\(path) leads to '\(TreeName.escaped(bytes))', which is not UTF-8: make it lead to a name "
                    + "that is")
        }
        return target
    }
}

/// A directory that is being listed.
private struct Level {
    struct Item {
        let name: String
        let status: FileStatus
        /// The directory's content rather than itself: its place is that of the name with a slash, since in a listing
        /// `a-b` stands between `a` and `a/b`.
        var isContent = false

        var key: String { isContent ? "\(name)/" : name }
    }

    let path: String
    /// Backwards.
    private var items: [Item]
    /// Directories whose content is still to come, backwards.
    private var contents: [Item] = []

    init(of path: String, in root: String) throws {
        self.path = path
        let place = path.isEmpty ? root : "\(root)/\(path)"
        items = try FileAttributes.names(in: place).map { bytes in
            let name = try TreeName.text(of: bytes, in: "/\(path)")
            return Item(name: name, status: try FileStatus("\(place)/\(name)"))
        }
        items.sort { FileEntry.compareBytes($0.name, $1.name) > 0 }
    }

    mutating func next() -> Item? {
        guard let content = contents.last else { return items.popLast() }
        guard let item = items.last, FileEntry.compareBytes(item.key, content.key) < 0 else {
            return contents.popLast()
        }
        return items.popLast()
    }

    /// Few wait at a time: those of which one name begins with the other.
    mutating func addContent(of item: Item) {
        var content = item
        content.isContent = true
        let place = contents.firstIndex { FileEntry.compareBytes($0.key, content.key) < 0 } ?? contents.endIndex
        contents.insert(content, at: place)
    }
}
