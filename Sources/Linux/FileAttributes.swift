internal import CLinux
import Glibc

/// What the kernel keeps of a file beside its content. Nothing here follows a link at the end of a path.
package struct FileStatus: Sendable {
    package enum Kind: Sendable {
        case directory, file, symbolicLink, characterDevice, blockDevice, fifo, socket
    }

    package let kind: Kind
    /// The lower 12 bits of `st_mode`.
    package let mode: UInt16
    package let uid: UInt32
    package let gid: UInt32
    package let size: Int64
    /// When it was last changed: whole seconds since 1970, and the rest.
    package let seconds: Int64
    package let nanoseconds: Int64
    /// The filesystem that it lies in.
    package let filesystem: UInt64
    package let inode: UInt64
    package let links: UInt64
    /// Of a device node.
    package let major: UInt32
    package let minor: UInt32
    /// Units of 512 bytes that it takes; fewer than its size where it has holes.
    package let blocks: Int64

    /// Of the file itself, link or not.
    package init(_ path: String) throws {
        var status = stat()
        try retrying("look at \(path)") { lstat(path, &status) }
        try self.init(status, path)
    }

    /// Nil where there is nothing.
    package static func ifPresent(_ path: String) throws -> FileStatus? {
        var status = stat()
        if lstat(path, &status) < 0 {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw SystemError.last("look at \(path)")
        }
        return try FileStatus(status, path)
    }

    private init(_ status: stat, _ path: String) throws {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: kind = .directory
        case S_IFREG: kind = .file
        case S_IFLNK: kind = .symbolicLink
        case S_IFCHR: kind = .characterDevice
        case S_IFBLK: kind = .blockDevice
        case S_IFIFO: kind = .fifo
        case S_IFSOCK: kind = .socket
        default: throw SystemError(code: 0, message: "look at \(path): its type is unknown")
        }
        mode = UInt16(status.st_mode & 0o7777)
        uid = status.st_uid
        gid = status.st_gid
        size = Int64(status.st_size)
        seconds = Int64(status.st_mtim.tv_sec)
        nanoseconds = Int64(status.st_mtim.tv_nsec)
        filesystem = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        links = UInt64(status.st_nlink)
        // As gnu_dev_major(3) and gnu_dev_minor(3) take them apart, whose macros Swift does not see.
        let device = UInt64(status.st_rdev)
        major = UInt32(truncatingIfNeeded: device >> 8 & 0xfff | device >> 32 & 0xffff_f000)
        minor = UInt32(truncatingIfNeeded: device & 0xff | device >> 12 & 0xffff_ff00)
        blocks = Int64(status.st_blocks)
    }
}

/// Reading and setting what is no content, without following links.
package enum FileAttributes {
    /// The names in a directory as the bytes that they are, in no order, without `.` and `..`.
    package static func names(in path: String) throws -> [[UInt8]] {
        guard let directory = opendir(path) else { throw SystemError.last("list \(path)") }
        defer { closedir(directory) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw SystemError.last("list \(path)") }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [0x2e] && name != [0x2e, 0x2e] { names.append(name) }
        }
    }

    /// The target of a symbolic link as the bytes that it is.
    package static func target(of path: String) throws -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = try retrying("read the link \(path)") { readlink(path, &buffer, buffer.count) }
        return buffer[..<count].map { UInt8(bitPattern: $0) }
    }

    package static func makeLink(_ path: String, to target: String) throws {
        try retrying("link \(path)") { symlink(target, path) }
    }

    /// Sets when it was last changed, in seconds since 1970; the time of the last access stays.
    package static func setModified(_ path: String, seconds: Int64) throws {
        let omit = timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)  // UTIME_OMIT (utimensat(2)), no macro that Swift sees.
        let times = [omit, timespec(tv_sec: Int(seconds), tv_nsec: 0)]
        try retrying("set the time of \(path)") { utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) }
    }

    package static func setOwner(_ path: String, uid: UInt32, gid: UInt32) throws {
        try retrying("give \(path) to \(uid):\(gid)") { lchown(path, uid, gid) }
    }

    /// Of anything but a link, which has none of its own.
    package static func setMode(_ path: String, _ mode: UInt16) throws {
        try retrying("set the mode of \(path)") { chmod(path, mode_t(mode)) }
    }

    package static func makeDirectory(_ path: String, mode: UInt16) throws {
        try retrying("make directory \(path)") { mkdir(path, mode_t(mode)) }
    }

    /// Makes a character device 0:0 without any permission: an overlay filesystem's whiteout, which Linux 5.8 and later
    /// also lets the root of a user namespace make.
    package static func makeWhiteout(_ path: String) throws {
        try retrying("make the whiteout \(path)") { sojourn_make_node(path, S_IFCHR, 0, 0) }
    }

    /// Renames within one filesystem, without waiting for the disk.
    package static func move(_ path: String, to new: String) throws {
        try retrying("move \(path) to \(new)") { rename(path, new) }
    }
}

/// Extended attributes.
extension FileAttributes {
    /// The names of a file's extended attributes, sorted; none where the filesystem has none.
    package static func extendedNames(of path: String) throws -> [String] {
        let list = try growing("list the attributes of \(path)") { llistxattr(path, $0, $1) } ?? []
        return list.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    /// Nil where there is no such attribute.
    package static func extended(_ name: String, of path: String) throws -> [UInt8]? {
        try growing("read the attribute \(name) of \(path)") { lgetxattr(path, name, $0, $1) }
    }

    package static func setExtended(_ name: String, of path: String, to value: [UInt8]) throws {
        try retrying("set the attribute \(name) of \(path)") {
            value.withUnsafeBytes { lsetxattr(path, name, $0.baseAddress, $0.count, 0) }
        }
    }

    /// False where the kernel does not let us: a label that a security module keeps.
    package static func removeExtended(_ name: String, of path: String) throws -> Bool {
        if lremovexattr(path, name) == 0 || errno == ENODATA { return true }
        if [EPERM, EACCES, EOPNOTSUPP].contains(errno) { return false }
        throw SystemError.last("remove the attribute \(name) of \(path)")
    }

    /// Calls with room for most, and with more where it does not suffice. The kernel's limit is 64 KiB (xattr(7)).
    private static func growing(
        _ attempt: @autoclosure () -> String, _ call: (UnsafeMutableRawPointer?, Int) -> Int
    ) throws -> [UInt8]? {
        for room in [1 << 8, 1 << 16] {
            var fault: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
                let count = call(buffer.baseAddress, room)
                if count < 0 { fault = errno }
                filled = max(0, count)
            }
            if fault == 0 { return bytes }
            if fault == ENODATA || fault == EOPNOTSUPP { return nil }
            errno = fault
            if fault != ERANGE { break }
        }
        throw SystemError.last(attempt())
    }
}

/// The parts of a sparse file.
extension Descriptor {
    /// From `offset` to the next byte that is stored, and to the hole or end after it; nil where only a hole follows.
    /// A filesystem that does not tell says that all is data (lseek(2), SEEK_DATA and SEEK_HOLE).
    package func dataRange(from offset: Int64) throws -> Range<Int64>? {
        let seekData: Int32 = 3
        let seekHole: Int32 = 4
        let start = lseek(raw, off_t(offset), seekData)
        if start < 0 {
            if errno == ENXIO { return nil }
            throw SystemError.last("look for data in descriptor \(raw)")
        }
        let end = try retrying("look for a hole in descriptor \(raw)") { lseek(raw, start, seekHole) }
        return Int64(start)..<Int64(max(start, end))
    }

    /// Reads into `buffer` from `offset`, without moving the descriptor's own place; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        try retrying("read descriptor \(raw) at \(offset)") {
            pread(raw, buffer.baseAddress, buffer.count, off_t(offset))
        }
    }
}
