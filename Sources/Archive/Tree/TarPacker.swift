internal import Glibc

/// Packs files, directories and symbolic links below a directory, without following a link at any component, in an order
/// that depends on names only. What changes while it is packed is packed in the size it had when it was opened.
package struct TarPacker {
    /// Directories in one another below one listed path; each takes a descriptor while it is packed.
    private static let depthLimit = 200
    private static let chunk = 1 << 18

    package struct File: Equatable, Sendable {
        package let path: String
        package let size: Int64
    }

    /// What was left out. The path is free of control characters.
    package struct Skipped: Equatable, Sendable {
        package let path: String
        package let reason: String
    }

    /// A file that had another size at its end than when it was opened: cut off, or filled with zeros.
    package struct Resized: Equatable, Sendable {
        package let path: String
        package let announced: Int64
        package let found: Int64

        package init(path: String, announced: Int64, found: Int64) {
            self.path = path
            self.announced = announced
            self.found = found
        }
    }

    package struct Report: Equatable, Sendable {
        package var files: [File] = []
        package var skipped: [Skipped] = []
        package var resized: [Resized] = []
    }

    private let directory: Int32
    private let writer: TarWriter
    private var report = Report()
    /// An error came while an entry was written: whatever it says, the archive cannot go on.
    private var isBroken = false

    /// Appends `paths`, relative to `directory`, and all that is below them; `finish` of the writer is the caller's.
    /// `.` stands for all that `directory` holds. A path that is not there is reported as skipped.
    package static func pack(_ paths: [String], in directory: Int32, to writer: TarWriter) throws -> Report {
        var packer = TarPacker(directory: directory, writer: writer)
        var last: ContainedPath?
        for path in packer.sorted(paths) {
            // Contained in the one before it, or the same.
            if let last, path.components.starts(with: last.components) { continue }
            try packer.pack(path)
            last = path
        }
        return packer.report
    }

    private init(directory: Int32, writer: TarWriter) {
        self.directory = directory
        self.writer = writer
    }

    private mutating func sorted(_ paths: [String]) -> [ContainedPath] {
        var sound: [ContainedPath] = []
        for path in paths {
            do { sound.append(try ContainedPath(path)) } catch { skip(path, "\(error)") }
        }
        return sound.sorted { left, right in
            left.components.lexicographicallyPrecedes(right.components) {
                $0.utf8.lexicographicallyPrecedes($1.utf8)
            }
        }
    }

    private mutating func pack(_ path: ContainedPath) throws {
        do {
            var parent = try OpenFile.directory(".", in: directory, path: ".")
            for component in path.components.dropLast() {
                parent = try OpenFile.directory(component, in: parent.raw, path: path.text)
            }
            guard let name = path.components.last else { return try pack(contentsOf: parent, "", depth: 0) }
            try pack(name, in: parent, path.text, depth: 0)
        } catch let fault as ArchiveError where concernsEntryOnly(fault) { skip(path.text, fault.message) }
    }

    /// Not there any more, not ours to read, or not what it was a moment ago.
    private func concernsEntryOnly(_ fault: ArchiveError) -> Bool {
        let passing = [ENOENT, ENOTDIR, ELOOP, EACCES, EPERM, ENXIO, ESTALE]
        return !isBroken
            && (fault.code == .refused || fault.code == .fileSystem && passing.contains(fault.errno))
    }

    private mutating func append(_ entry: TarEntry, contents: () throws -> [UInt8] = { [] }) throws {
        do { try writer.append(entry, contents: contents) } catch {
            isBroken = true
            throw error
        }
    }

    private mutating func skip(_ path: String, _ reason: String) {
        report.skipped.append(Skipped(path: printable(path), reason: reason))
    }
}

// MARK: - Entries

extension TarPacker {
    private mutating func pack(_ name: String, in parent: borrowing OpenFile, _ path: String, depth: Int) throws {
        let directory = parent.raw
        // One byte is for the slash after a directory.
        if path.utf8.count >= TarEntry.pathLimit { throw ArchiveError(.refused, "its path is too long") }
        var status = stat()
        try kernel("look at", path) { fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) }
        switch status.st_mode & S_IFMT {
        case S_IFLNK: try pack(link: name, in: parent, path, status)
        case S_IFREG, S_IFDIR:
            // Should it have become something else by now, opening must not wait for it.
            let file = try OpenFile.open(name, in: directory, O_RDONLY | O_NONBLOCK, path: path)
            try pack(file, path, try file.status(path), depth: depth)
        default: skip(path, Self.kind(status))
        }
    }

    private mutating func pack(_ file: borrowing OpenFile, _ path: String, _ status: stat, depth: Int) throws {
        switch status.st_mode & S_IFMT {
        case S_IFREG: try pack(contentsOf: file, path, status)
        case S_IFDIR:
            guard depth < Self.depthLimit else {
                throw ArchiveError(.refused, "more than \(Self.depthLimit) directories in one another")
            }
            try append(Self.entry(path, .directory, status))
            try pack(contentsOf: file, path + "/", depth: depth + 1)
        default: skip(path, Self.kind(status))
        }
    }

    private mutating func pack(contentsOf directory: borrowing OpenFile, _ prefix: String, depth: Int) throws {
        for bytes in try directory.names(prefix.isEmpty ? "." : prefix) {
            guard let name = String(validating: bytes, as: UTF8.self) else {
                skip(prefix + String(decoding: bytes, as: UTF8.self), "its name is not UTF-8")
                continue
            }
            let path = prefix + name
            do { try pack(name, in: directory, path, depth: depth) } catch let fault as ArchiveError
                where concernsEntryOnly(fault)
            { skip(path, fault.message) }
        }
    }

    private mutating func pack(contentsOf file: borrowing OpenFile, _ path: String, _ status: stat) throws {
        let size = Int64(status.st_size)
        let raw = file.raw
        var left = size
        var found = size
        try append(Self.entry(path, .file(size: size), status)) {
            if left == 0 { return [] }
            var bytes = [UInt8]()
            if found == size {
                bytes = try Self.read(raw, upTo: Int(min(left, Int64(Self.chunk))), path)
                if bytes.isEmpty { found = size - left }
            }
            if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: Int(min(left, Int64(Self.chunk)))) }
            left -= Int64(bytes.count)
            return bytes
        }
        report.files.append(File(path: path, size: size))
        if found == size, try !Self.read(raw, upTo: 1, path).isEmpty {
            found = max(size + 1, Int64(try file.status(path).st_size))
        }
        if found != size { report.resized.append(Resized(path: path, announced: size, found: found)) }
    }

    private mutating func pack(
        link name: String, in parent: borrowing OpenFile, _ path: String, _ status: stat
    ) throws {
        let directory = parent.raw
        let target = try [UInt8](unsafeUninitializedCapacity: TarEntry.pathLimit + 1) { buffer, filled in
            filled = try kernel("read the link", path) {
                buffer.withMemoryRebound(to: CChar.self) { text in
                    text.baseAddress.map { readlinkat(directory, name, $0, text.count) } ?? 0
                }
            }
        }
        guard let text = String(validating: target, as: UTF8.self) else {
            throw ArchiveError(.refused, "its target is not UTF-8")
        }
        try append(Self.entry(path, .symbolicLink(target: text), status))
    }

    private static func entry(_ path: String, _ kind: TarEntry.Kind, _ status: stat) -> TarEntry {
        TarEntry(
            path: path, kind: kind, mode: status.st_mode & 0o7777, uid: status.st_uid, gid: status.st_gid,
            mtime: Int64(status.st_mtim.tv_sec))
    }

    private static func read(_ raw: Int32, upTo count: Int, _ path: String) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try kernel("read", path) { Glibc.read(raw, buffer.baseAddress, count) }
        }
    }

    private static func kind(_ status: stat) -> String {
        switch status.st_mode & S_IFMT {
        case S_IFIFO: "it is a named pipe"
        case S_IFSOCK: "it is a socket"
        case S_IFCHR, S_IFBLK: "it is a device node"
        default: "it is no file, directory or symbolic link"
        }
    }
}
