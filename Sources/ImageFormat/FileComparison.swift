/// What differs between two lists of files.
package enum FileComparison {
    /// One change of a path.
    package struct Change: Hashable, Sendable {
        package enum Kind: String, Sendable, Codable { case added, removed, changed }

        package let path: String
        package let kind: Kind
        /// Bytes of a regular file before and after; 0 for anything else.
        package let before: Int64
        package let after: Int64
        /// What of it changed, for people: `content`, `mode 0644 -> 0755`.
        package let what: [String]
    }

    /// From two listings, each sorted as listings are; so is the result. Times of directories are not looked at.
    package static func changes(from old: [FileEntry], to new: [FileEntry]) -> [Change] {
        var changes: [Change] = []
        var (earlier, later) = (old[...], new[...])
        while true {
            let order =
                switch (earlier.first, later.first) {
                case (nil, nil): Int?.none
                case (.some, nil): -1
                case (nil, .some): 1
                case (let before?, let after?): FileEntry.compare(before.path, after.path)
                }
            guard let order else { return changes }
            let before = order <= 0 ? earlier.removeFirst() : nil
            let after = order >= 0 ? later.removeFirst() : nil
            if let change = change(from: before, to: after) { changes.append(change) }
        }
    }

    /// `added /usr/bin/x`, `changed /etc/y: content, mode 0644 -> 0600`.
    package static func lines(from old: [FileEntry], to new: [FileEntry]) -> [String] {
        changes(from: old, to: new).map(\.line)
    }

    /// Nil where nothing changed.
    private static func change(from old: FileEntry?, to new: FileEntry?) -> Change? {
        let what = old.flatMap { old in new.map { differences(old, $0) } }
        guard let path = (new ?? old)?.path, what != [] else { return nil }
        let kind: Change.Kind = what != nil ? .changed : old == nil ? .added : .removed
        return Change(path: path, kind: kind, before: old?.size ?? 0, after: new?.size ?? 0, what: what ?? [])
    }

    private static func differences(_ old: FileEntry, _ new: FileEntry) -> [String] {
        var what: [String] = []
        if old.kind != new.kind {
            what.append(old.isFile && new.isFile ? "content" : "\(old.kindName) -> \(new.kindName)")
        }
        if old.mode != new.mode { what.append("mode 0\(String(old.mode, radix: 8)) -> 0\(String(new.mode, radix: 8))") }
        if (old.uid, old.gid) != (new.uid, new.gid) {
            what.append("owner \(old.uid):\(old.gid) -> \(new.uid):\(new.gid)")
        }
        if old.modified != new.modified && !new.isDirectory { what.append("time \(old.modified) -> \(new.modified)") }
        if old.attributes != new.attributes { what.append("extended attributes") }
        return what
    }
}

extension FileComparison.Change {
    /// As people name it: `/usr/bin/ls`.
    package var absolutePath: String { path == "." ? "/" : "/\(path)" }

    /// For people.
    package var line: String {
        "\(kind.rawValue) \(absolutePath)\(what.isEmpty ? "" : ": \(what.joined(separator: ", "))")"
    }
}

extension FileEntry {
    /// Bytes of a regular file; 0 for anything else.
    package var size: Int64 { if case .file(let size, _) = kind { size } else { 0 } }
    package var isFile: Bool { if case .file = kind { true } else { false } }

    var kindName: String {
        switch kind {
        case .directory: "directory"
        case .file: "file"
        case .symbolicLink(let target): "link to \(target)"
        case .characterDevice: "character device"
        case .blockDevice: "block device"
        case .fifo: "fifo"
        case .socket: "socket"
        }
    }
}
