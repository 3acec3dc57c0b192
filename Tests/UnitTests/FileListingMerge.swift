@testable import ImageFormat

extension FileListing {
    /// What overlayfs shows of layers, each a sorted list with its whiteouts, the lowest first: the plain way, which
    /// `FileListingOverlay` is compared with.
    static func merge(_ layers: [[FileEntry]]) -> [FileEntry] {
        guard let lowest = layers.first else { return [] }
        return layers.dropFirst().reduce(lowest) { merge(lower: $0, upper: $1) }
    }

    private static func merge(lower: [FileEntry], upper: [FileEntry]) -> [FileEntry] {
        var merged: [FileEntry] = []
        merged.reserveCapacity(lower.count)
        // Directories of the lower layer that the upper one covers with something else.
        var hidden: Set<PathKey> = []
        var above = upper[...]
        func take(_ entry: FileEntry) { if !entry.isWhiteout { merged.append(entry) } }
        for entry in lower {
            while let next = above.first, FileEntry.precedes(next, entry) { take(above.removeFirst()) }
            let covering = above.first.flatMap { FileEntry.isSame($0.path, entry.path) ? $0 : nil }
            if covering != nil { take(above.removeFirst()) }
            let isHidden = !hidden.isEmpty && entry.parent.map { hidden.contains(PathKey($0)) } ?? false
            if entry.isDirectory, isHidden || covering.map({ !$0.isDirectory }) ?? false {
                hidden.insert(PathKey(entry.path))
            }
            if covering == nil && !isHidden { merged.append(entry) }
        }
        above.forEach(take)
        return merged
    }
}
