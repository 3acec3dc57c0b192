internal import Glibc

/// A file or directory that is open for the length of a scope. Nothing here follows a symbolic link.
struct OpenFile: ~Copyable {
    let raw: Int32

    private init(_ raw: Int32) { self.raw = raw }

    deinit { close(raw) }

    /// Opens `name` in a directory; `path` is for messages.
    static func open(
        _ name: String, in directory: Int32, _ flags: Int32, mode: UInt32 = 0, path: String
    ) throws -> OpenFile {
        OpenFile(
            try kernel("open", path) { openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode) })
    }

    static func directory(_ name: String, in directory: Int32, path: String) throws -> OpenFile {
        try open(name, in: directory, O_RDONLY | O_DIRECTORY, path: path)
    }

    func status(_ path: String) throws -> stat {
        var status = stat()
        try kernel("look at", path) { fstat(raw, &status) }
        return status
    }

    func write(_ bytes: [UInt8], path: String) throws {
        var written = 0
        while written < bytes.count {
            written += try bytes.withUnsafeBytes { buffer in
                try kernel("write", path) {
                    Glibc.write(raw, buffer.baseAddress.map { $0 + written }, buffer.count - written)
                }
            }
        }
    }

    func synchronise(_ path: String) throws { try kernel("fsync", path) { fsync(raw) } }

    /// The names in this directory as bytes, sorted, without `.` and `..`.
    func names(_ path: String) throws -> [[UInt8]] {
        // A description of its own: its position is not shared, and closedir closes it.
        let own = try kernel("list", path) { openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(own) else {
            let code = errno
            close(own)
            throw ArchiveError.kernel("list", path, code)
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [46] && name != [46, 46] { names.append(name) }
        }
        if errno != 0 { throw ArchiveError.kernel("list", path, errno) }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

/// Repeats a call that a signal interrupted; throws when it fails otherwise.
@discardableResult
func kernel<Result: SignedInteger>(_ verb: String, _ path: String, _ call: () -> Result) throws -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw ArchiveError.kernel(verb, path, errno) }
    }
}

extension ArchiveError {
    static func kernel(_ verb: String, _ path: String, _ code: Int32) -> ArchiveError {
        ArchiveError(.fileSystem, "\(verb) \(printable(path)): \(String(cString: strerror(code)))", errno: code)
    }
}
