import Glibc
import Linux

/// Reads files of a tree that somebody else made: no link leads out of it, no size is trusted.
struct TreeFiles {
    let root: String

    /// A regular file of a walk, whose path leads through no link. Never waits, as opening a pipe would.
    static func open(_ place: String) throws -> Descriptor {
        try Descriptor.open(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }

    /// The first bytes of a regular file of a walk.
    static func beginning(of place: String, limit: Int) throws -> [UInt8] {
        let file = try open(place)
        return try [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
            while filled < limit {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let got = try file.read(into: rest, at: Int64(filled))
                if got == 0 { return }
                filled += got
            }
        }
    }

    /// The content of a file, links followed within the tree; nil where there is no such regular file.
    func read(_ path: String, limit: Int) throws -> [UInt8]? {
        guard let place = try resolve(path), let status = try FileStatus.ifPresent(place), status.kind == .file else {
            return nil
        }
        guard status.size <= Int64(limit) else {
            throw ImageTreeError(
                .unreadableDatabase,
                "/\(path) of the tree \(root) has \(status.size) bytes, more than the \(limit) allowed: no such "
                    + "file is that large; see what wrote it")
        }
        return try Self.beginning(of: place, limit: Int(status.size))
    }

    /// The names in a directory, links followed within the tree; none where there is no such directory.
    func names(in path: String) throws -> [String] {
        guard let place = try resolve(path), let status = try FileStatus.ifPresent(place), status.kind == .directory
        else { return [] }
        return try FileAttributes.names(in: place).map { try TreeName.text(of: $0, in: "/\(path)") }.sorted()
    }

    /// Where `path` of the tree really lies, every link resolved as if the tree were the root; nil where a link leads
    /// nowhere, or in circles.
    func resolve(_ path: String) throws -> String? {
        var left = path.split(separator: "/").reversed().map(String.init)
        var found: [String] = []
        var links = 0
        while let name = left.popLast() {
            if name == "." { continue }
            if name == ".." {
                _ = found.popLast()
                continue
            }
            let place = ([root] + found + [name]).joined(separator: "/")
            guard let status = try FileStatus.ifPresent(place) else { return nil }
            guard status.kind == .symbolicLink else {
                found.append(name)
                continue
            }
            links += 1
            // As the kernel's own limit (path_resolution(7)).
            guard links <= 40 else { return nil }
            guard let target = String(validating: try FileAttributes.target(of: place), as: UTF8.self) else {
                return nil
            }
            if target.hasPrefix("/") { found = [] }
            left += target.split(separator: "/").reversed().map(String.init)
        }
        return ([root] + found).joined(separator: "/")
    }
}
