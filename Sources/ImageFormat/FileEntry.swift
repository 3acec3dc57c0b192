import Glibc
package import GridModel

/// One file, directory or link of an image, with all that an image keeps of it.
///
/// Equality, order and hashing are of bytes: Swift's own comparison of strings holds names for equal that Unicode calls
/// equivalent, which a filesystem does not.
package struct FileEntry: Hashable, Sendable {
    package enum Kind: Sendable {
        case directory
        case file(size: Int64, digest: Digest)
        case symbolicLink(target: String)
        case characterDevice(major: UInt32, minor: UInt32)
        case blockDevice(major: UInt32, minor: UInt32)
        case fifo
        case socket
    }

    /// Relative to the root, without a leading slash; `.` is the root.
    package var path: String
    package var kind: Kind
    /// The lower 12 bits of `st_mode`.
    package var mode: UInt16
    package var uid: UInt32
    package var gid: UInt32
    package var modified: Timestamp
    /// The extended attributes; in practice `security.capability` of regular files.
    package var attributes: [String: [UInt8]]

    package init(
        path: String, kind: Kind, mode: UInt16, uid: UInt32, gid: UInt32, modified: Timestamp,
        attributes: [String: [UInt8]] = [:]
    ) {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.modified = modified
        self.attributes = attributes
    }

    /// What hides `path` of the layers below (overlayfs, "whiteouts and opaque directories").
    package static func whiteout(path: String, modified: Timestamp) -> FileEntry {
        FileEntry(
            path: path, kind: .characterDevice(major: 0, minor: 0), mode: 0, uid: 0, gid: 0, modified: modified)
    }

    package var isDirectory: Bool { kind == .directory }
    package var isWhiteout: Bool { kind == .characterDevice(major: 0, minor: 0) }
    package var isRoot: Bool { path == "." }
    /// As people and recipes name it: `/usr/bin/ls`.
    package var absolutePath: String { isRoot ? "/" : "/\(path)" }

    /// The directory that it lies in: `.` for what lies in the root, and nil for the root itself.
    package var parent: String? { isRoot ? nil : Self.parent(of: path) }

    /// The directory that `path` lies in: `.` for what lies in the root.
    package static func parent(of path: String) -> String {
        let bytes = path.utf8
        return bytes.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    }

    /// The order of listings: the root, then bytewise by path.
    package static func precedes(_ left: FileEntry, _ right: FileEntry) -> Bool {
        compare(left.path, right.path) < 0
    }

    /// Negative where `left` comes first in a listing, 0 where the paths are the same bytes.
    package static func compare(_ left: String, _ right: String) -> Int {
        if left == "." || right == "." { return (left == "." ? 0 : 1) - (right == "." ? 0 : 1) }
        return compareBytes(left, right)
    }

    /// The order of bytes, for names within a directory.
    package static func compareBytes(_ left: String, _ right: String) -> Int {
        var (left, right) = (left, right)
        return left.withUTF8 { leftBytes in
            right.withUTF8 { rightBytes in
                guard let leftStart = leftBytes.baseAddress, let rightStart = rightBytes.baseAddress else {
                    return leftBytes.count - rightBytes.count
                }
                let order = memcmp(leftStart, rightStart, min(leftBytes.count, rightBytes.count))
                return order != 0 ? Int(order) : leftBytes.count - rightBytes.count
            }
        }
    }

    /// True where two paths or targets are the same bytes.
    package static func isSame(_ left: String, _ right: String) -> Bool { compareBytes(left, right) == 0 }

    package static func == (left: FileEntry, right: FileEntry) -> Bool {
        isSame(left.path, right.path) && left.kind == right.kind && left.mode == right.mode && left.uid == right.uid
            && left.gid == right.gid && left.modified == right.modified && left.attributes == right.attributes
    }
}

extension FileEntry.Kind {
    /// As mtree(5) names it.
    package var typeName: String {
        switch self {
        case .directory: "dir"
        case .file: "file"
        case .symbolicLink: "link"
        case .characterDevice: "char"
        case .blockDevice: "block"
        case .fifo: "fifo"
        case .socket: "socket"
        }
    }
}

extension FileEntry.Kind: Hashable {
    package static func == (left: FileEntry.Kind, right: FileEntry.Kind) -> Bool {
        switch (left, right) {
        case (.directory, .directory), (.fifo, .fifo), (.socket, .socket): true
        case (.file(let size, let digest), .file(let otherSize, let otherDigest)):
            size == otherSize && digest == otherDigest
        case (.symbolicLink(let target), .symbolicLink(let otherTarget)): FileEntry.isSame(target, otherTarget)
        case (.characterDevice(let major, let minor), .characterDevice(let otherMajor, let otherMinor)),
            (.blockDevice(let major, let minor), .blockDevice(let otherMajor, let otherMinor)):
            major == otherMajor && minor == otherMinor
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .directory: hasher.combine(0)
        case .file(let size, let digest):
            hasher.combine(size)
            hasher.combine(digest)
        case .symbolicLink(let target): hasher.combine(target)
        case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
            hasher.combine(major)
            hasher.combine(minor)
        case .fifo: hasher.combine(1)
        case .socket: hasher.combine(2)
        }
    }
}

/// A path as the key of a set or dictionary: by its bytes.
package struct PathKey: Hashable, Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package static func == (left: PathKey, right: PathKey) -> Bool { FileEntry.isSame(left.path, right.path) }

    package func hash(into hasher: inout Hasher) {
        var path = path
        path.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
