package import GridModel
package import ImageFormat
import Linux

extension LayerDifference {
    /// Makes the upper layer of `changes` by taking their files out of the tree: renamed, not copied, so that hard
    /// links among them and holes stay. Returns its entries, whiteouts included.
    ///
    /// `upper` is empty or not there yet, and lies on the tree's filesystem but not in the tree. Its directories and
    /// whiteouts get `time`. After an error tree and upper are both incomplete.
    package static func stage(
        _ changes: [LayerChange], from tree: String, to upper: String, time: Timestamp
    ) throws -> [FileEntry] {
        if Files.isDirectory(upper) {
            guard try Files.list(upper).isEmpty else {
                throw ImageTreeError(
                    .unsuitableTree, "\(upper), where a layer is to be staged, is not empty: remove it first")
            }
        } else {
            try FileAttributes.makeDirectory(upper, mode: 0o700)
        }
        var entries: [FileEntry] = []
        entries.reserveCapacity(changes.count)
        for change in changes {
            let place = "\(upper)/\(change.path)"
            switch change {
            case .directory(var entry):
                // Ours alone until it is filled: an unwritable mode or a set-group-ID bit would get in the way.
                if !entry.isRoot { try FileAttributes.makeDirectory(place, mode: 0o700) }
                entry.modified = time
                entries.append(entry)
            case .move(let entry):
                try move("\(tree)/\(entry.path)", to: place)
                entries.append(entry)
            case .whiteout(let path):
                try FileAttributes.makeWhiteout(place)
                entries.append(.whiteout(path: path, modified: time))
            }
        }
        for entry in entries.reversed() where entry.isDirectory || entry.isWhiteout {
            try complete(entry, at: "\(upper)/\(entry.path)")
        }
        return entries
    }

    private static func move(_ place: String, to new: String) throws {
        do { try FileAttributes.move(place, to: new) } catch {
            throw ImageTreeError(
                .unsuitableTree,
                "a changed file cannot be moved into its layer, which must lie on the tree's own filesystem",
                underlying: error)
        }
    }

    /// Owner first: a change of it clears the set-ID bits. Time last.
    private static func complete(_ entry: FileEntry, at place: String) throws {
        try FileAttributes.setOwner(place, uid: entry.uid, gid: entry.gid)
        try FileAttributes.setMode(place, entry.mode)
        try FileAttributes.setModified(place, seconds: entry.modified.seconds)
    }
}
