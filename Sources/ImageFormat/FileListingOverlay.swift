/// Shows the listings of layers as overlayfs does, path by path, with the layer that each comes from: in a memory that does
/// not grow with the number of files.
package struct FileListingOverlay {
    /// What an image has at a path: a whiteout where a layer removes what is below it.
    package struct Element {
        package let entry: FileEntry
        /// Counted from the lowest.
        package let layer: Int
    }

    private var readers: [FileListingReader]
    /// The next entry of each layer; nil at its end.
    private var next: [FileEntry?]
    /// By directory: of the layers below this one, what lies in it is hidden.
    private var hidden: [PathKey: Int] = [:]

    /// The lowest layer comes first.
    package init(_ readers: [FileListingReader]) throws {
        self.readers = readers
        next = []
        for layer in readers.indices { next.append(try self.readers[layer].next()) }
    }

    /// In the order of listings; nil at the end.
    package mutating func nextElement() throws -> Element? {
        while let path = next.compactMap({ $0?.path }).min(by: { FileEntry.compare($0, $1) < 0 }) {
            if let shown = try element(at: path) { return shown }
        }
        return nil
    }

    /// Takes the entries of a path; nil where all of them are hidden.
    private mutating func element(at path: String) throws -> Element? {
        let lowest = path == "." ? 0 : hidden[PathKey(FileEntry.parent(of: path))] ?? 0
        var shown: Element?
        var hasDirectory = false
        // The highest layer with a whiteout or a file: no directory is merged with what is below that.
        var barrier = lowest
        for layer in next.indices {
            guard let entry = next[layer], FileEntry.isSame(entry.path, path) else { continue }
            next[layer] = try readers[layer].next()
            hasDirectory = hasDirectory || entry.isDirectory
            guard layer >= lowest else { continue }
            if !entry.isDirectory { barrier = layer }
            shown = Element(entry: entry, layer: layer)
        }
        if hasDirectory && barrier > 0 { hidden[PathKey(path)] = barrier }
        return shown
    }
}
