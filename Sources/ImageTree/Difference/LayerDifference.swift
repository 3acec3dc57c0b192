package import ImageFormat

/// What an upper layer must hold so that overlayfs shows the new tree where the base lies below.
///
/// It is computed from two lists instead of taken from a kernel's upper directory: the same for every user, kernel and
/// order of writing. No directory is opaque: what a directory lost is whited out one by one.
package enum LayerDifference {
    /// The changes in the order of listings, the root first.
    ///
    /// Equal are two files of the same type, mode, owner, attributes and content; regular files also of the same time.
    /// `base` is the base's merged tree, without whiteouts.
    package static func changes(
        base: some Sequence<FileEntry>, new: some Sequence<FileEntry>
    ) throws -> [LayerChange] {
        var comparison = Comparison()
        var (earlier, later) = (base.makeIterator(), new.makeIterator())
        var (below, above) = (earlier.next(), later.next())
        while below != nil || above != nil {
            let order: Int
            if let below, let above {
                order = FileEntry.compare(below.path, above.path)
            } else {
                order = below == nil ? 1 : -1
            }
            let (old, current) = (order <= 0 ? below : nil, order >= 0 ? above : nil)
            if let old { try comparison.checkOrder(of: old, isBase: true) }
            if let current {
                try comparison.checkOrder(of: current, isBase: false)
                try comparison.place(current, over: old)
            } else if let old {
                try comparison.remove(old)
            }
            if old != nil { below = earlier.next() }
            if current != nil { above = later.next() }
        }
        return comparison.finish()
    }
}

/// A walk along both trees at once.
private struct Comparison {
    private var changes: [LayerChange] = []
    /// The new tree's directories, and which of them the upper layer has already.
    private var directories: [PathKey: (entry: FileEntry, isPlaced: Bool)] = [:]
    /// Directories of the base that are no directories any more, with all below them.
    private var gone: Set<PathKey> = []
    private var last: (base: String?, new: String?) = (nil, nil)

    mutating func checkOrder(of entry: FileEntry, isBase: Bool) throws {
        if let last = isBase ? last.base : last.new, FileEntry.compare(last, entry.path) >= 0 {
            throw ImageTreeError(
                .unsuitableTree,
                "the list of the \(isBase ? "base" : "new tree") is not sorted at \(entry.absolutePath)")
        }
        if isBase { last.base = entry.path } else { last.new = entry.path }
    }

    /// An entry of the new tree, and the base's at the same path.
    mutating func place(_ entry: FileEntry, over old: FileEntry?) throws {
        if entry.isWhiteout {
            throw ImageTreeError(
                .unsuitableTree,
                "\(entry.absolutePath) is a character device 0:0, which overlay filesystems take for the mark of a "
                    + "removed file: remove it in a build script")
        }
        if let old, old.isDirectory, !entry.isDirectory { gone.insert(PathKey(entry.path)) }
        if entry.isDirectory {
            directories[PathKey(entry.path)] = (entry, false)
            guard let old, Self.isEqual(old, entry), !entry.isRoot else { return try placeDirectory(entry.path) }
        } else if old.map({ !Self.isEqual($0, entry) }) ?? true {
            try placeParent(of: entry)
            changes.append(.move(entry))
        }
    }

    /// An entry of the base that the new tree has not.
    mutating func remove(_ old: FileEntry) throws {
        let isCovered = old.parent.map { gone.contains(PathKey($0)) } ?? false
        if old.isDirectory { gone.insert(PathKey(old.path)) }
        if isCovered { return }
        try placeParent(of: old)
        changes.append(.whiteout(path: old.path))
    }

    private mutating func placeParent(of entry: FileEntry) throws {
        guard let parent = entry.parent else {
            throw ImageTreeError(.unsuitableTree, "the list of the new tree has no root, or one that is no directory")
        }
        try placeDirectory(parent)
    }

    private mutating func placeDirectory(_ path: String) throws {
        var path = path
        while true {
            guard let found = directories[PathKey(path)] else {
                throw ImageTreeError(.unsuitableTree, "the list of the new tree has files in /\(path), but not itself")
            }
            if found.isPlaced { return }
            directories[PathKey(path)]?.isPlaced = true
            changes.append(.directory(found.entry))
            guard let parent = found.entry.parent else { return }
            path = parent
        }
    }

    private static func isEqual(_ old: FileEntry, _ new: FileEntry) -> Bool {
        var old = old
        if case .file = new.kind {} else { old.modified = new.modified }
        return old == new
    }

    /// A parent that a late child needed stands where the child was met.
    mutating func finish() -> [LayerChange] {
        changes.sort { FileEntry.compare($0.path, $1.path) < 0 }
        return changes
    }
}
