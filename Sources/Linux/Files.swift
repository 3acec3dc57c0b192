import CLinux
import Glibc

/// The file operations that must not lose anything: temporary + fsync + rename, and removal that follows no link.
package enum Files {
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whatever the umask of whoever wrote it: rules that a user cannot read would stop that user's every job.
    package static func letAllRead(_ paths: [String]) throws {
        for path in paths {
            let status = try FileStatus(path)
            let more: UInt16 = isDirectory(path) ? 0o555 : 0o444
            try retrying("let all users read \(path)") { chmod(path, UInt32(status.mode & 0o7777 | more)) }
        }
    }

    /// As `exists`, but for what cannot be looked at, which is an error: absence must not be had by taking away a right.
    package static func isThere(_ path: String) throws -> Bool {
        var status = stat()
        if stat(path, &status) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw SystemError.last("look at \(path)") }
        return false
    }

    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    package static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// True where `path`, or a directory that it lies in, matches a shell pattern (fnmatch(3), as a shell matches names).
    package static func leadingPart(of path: String, matches pattern: String) -> Bool {
        let parts = path.split(separator: "/")
        let wanted = pattern.split(separator: "/").joined(separator: "/")
        return parts.indices.contains {
            fnmatch(wanted, parts[...$0].joined(separator: "/"), FNM_PATHNAME | FNM_PERIOD) == 0
        }
    }

    /// When a file or directory was last changed, in seconds since 1970; nil where there is nothing.
    package static func changed(_ path: String) -> Int64? {
        var status = stat()
        return lstat(path, &status) == 0 ? Int64(status.st_mtim.tv_sec) : nil
    }

    /// The group that owns `path`; nil where there is nothing.
    package static func group(of path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_gid : nil
    }

    package static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 && !isDirectory(path) }

    /// Makes `path` and what is missing above it.
    package static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws {
        if isDirectory(path) { return }
        let parent = self.parent(of: path)
        if parent != path { try makeDirectories(parent, mode: mode) }
        if mkdir(path, mode) < 0 && errno != EEXIST { throw SystemError.last("make directory \(path)") }
    }

    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    package static func name(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// Reads a file of at most `limit` bytes.
    package static func read(_ path: String, limit: Int) throws -> [UInt8] {
        try read(try Descriptor.openRegular(path), path, limit: limit)
    }

    /// As `read`, of a pipe or a terminal too, for which it waits.
    package static func readStream(_ path: String, limit: Int) throws -> [UInt8] {
        try read(try Descriptor.open(path, O_RDONLY), path, limit: limit)
    }

    private static func read(_ file: Descriptor, _ path: String, limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try file.read(upTo: 1 << 16), !chunk.isEmpty {
            bytes += chunk
            if bytes.count > limit {
                throw SystemError(code: EFBIG, message: "read \(path): larger than the \(limit) bytes allowed")
            }
        }
        return bytes
    }

    /// At most so many bytes from a file's beginning; nothing of what has none to read at once.
    package static func readBeginning(_ path: String, bytes most: Int) throws -> [UInt8] {
        let file = try Descriptor.openRegular(path)
        var bytes: [UInt8] = []
        while bytes.count < most, let chunk = try file.read(upTo: most - bytes.count), !chunk.isEmpty { bytes += chunk }
        return bytes
    }

    /// In bytes.
    package static func size(_ path: String) throws -> Int64 {
        var status = stat()
        try retrying("look at \(path)") { stat(path, &status) }
        return Int64(status.st_size)
    }

    /// Replaces `path` as a whole: whoever reads it, and whatever is killed, it holds the old bytes or the new ones. After a
    /// loss of power too, unless `isDurable` is false: it may then be empty.
    package static func write(
        _ bytes: some Sequence<UInt8>, to path: String, mode: UInt32 = 0o644, isDurable: Bool = true
    ) throws {
        let temporary = "\(path).\(getpid()).tmp"
        do {
            // A leftover of a dead process with our number, or somebody's link: not to be written through.
            try remove(temporary)
            let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
            try file.write(bytes)
            if isDurable {
                try file.synchronise()
                try rename(temporary, to: path)
            } else {
                try retrying("rename \(temporary) to \(path)") { Glibc.rename(temporary, path) }
            }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Renames and makes the new name durable.
    package static func rename(_ old: String, to new: String) throws {
        try retrying("rename \(old) to \(new)") { Glibc.rename(old, new) }
        try synchroniseDirectory(parent(of: new))
    }

    /// Brings all of the filesystem that `path` is on to its disk.
    package static func synchroniseFilesystem(of path: String) throws {
        let directory = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
        try retrying("synchronise the filesystem of \(path)") { sojourn_syncfs(directory.raw) }
    }

    /// Makes the names in a directory durable.
    package static func synchroniseDirectory(_ path: String) throws {
        try Descriptor.open(path, O_RDONLY | O_DIRECTORY).synchronise()
    }

    /// Removes a file if it is there.
    package static func remove(_ path: String) throws {
        if unlink(path) < 0 && errno != ENOENT { throw SystemError.last("remove \(path)") }
    }

    /// The names in a directory, sorted, without `.` and `..`.
    package static func list(_ path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw SystemError.last("list \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a tree without following links or leaving its filesystem; nothing there is no error.
    package static func removeTree(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw SystemError.last("remove \(path)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try remove(path) }
        if status.st_mode & 0o700 != 0o700 { chmod(path, 0o700) }
        for name in try list(path) { try removeTree("\(path)/\(name)") }
        if rmdir(path) < 0 && errno != ENOENT { throw SystemError.last("remove directory \(path)") }
    }

    /// Free bytes for this user on the filesystem of `path`.
    package static func freeSpace(_ path: String) throws -> Int64 {
        var status = statvfs()
        try retrying("look at the filesystem of \(path)") { statvfs(path, &status) }
        return Int64(status.f_bavail) * Int64(status.f_frsize)
    }

    /// Bytes that are taken on the filesystem of `path`.
    package static func usedSpace(_ path: String) throws -> Int64 {
        var status = statvfs()
        try retrying("look at the filesystem of \(path)") { statvfs(path, &status) }
        return Int64(status.f_blocks - min(status.f_blocks, status.f_bfree)) * Int64(status.f_frsize)
    }

    /// The absolute path without links, or nil where there is nothing.
    package static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The first executable of that name on `PATH` and the system directories.
    package static func findProgram(_ name: String, path: String?) -> String? {
        if name.contains("/") { return isExecutable(name) ? name : nil }
        let directories =
            (path ?? "").split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return directories.lazy.map { "\($0)/\(name)" }.first(where: isExecutable)
    }
}

/// An advisory lock on a file, held until its last reference goes; it ends with its process, whatever kills that.
package final class FileLock: Sendable {
    /// Passed to a child, it keeps the lock for that child's life too.
    package let file: Descriptor

    /// A lock that was inherited already taken.
    package init(inherited file: Descriptor) { self.file = file }

    /// Nil where somebody else holds it.
    package static func take(_ path: String) throws -> FileLock? {
        let file = try Descriptor.open(path, O_RDWR | O_CREAT)
        if flock(file.raw, LOCK_EX | LOCK_NB) == 0 { return FileLock(inherited: file) }
        if errno == EWOULDBLOCK { return nil }
        throw SystemError.last("lock \(path)")
    }

    /// Waits for it; `waiting` is called once if somebody else holds it.
    package static func wait(_ path: String, waiting: () -> Void = {}) throws -> FileLock {
        if let lock = try take(path) { return lock }
        waiting()
        let file = try Descriptor.open(path, O_RDWR | O_CREAT)
        try retrying("lock \(path)") { flock(file.raw, LOCK_EX) }
        return FileLock(inherited: file)
    }
}
