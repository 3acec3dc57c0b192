package import ImageFormat

/// What an upper layer holds at one path.
package enum LayerChange: Hashable, Sendable {
    /// A directory of the new tree: new, changed, or on the way to something that is.
    case directory(FileEntry)
    /// Anything else of the new tree that is new or changed.
    case move(FileEntry)
    /// What the base has and the new tree has not.
    case whiteout(path: String)

    package var path: String {
        switch self {
        case .directory(let entry), .move(let entry): entry.path
        case .whiteout(let path): path
        }
    }
}
