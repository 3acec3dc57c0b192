import Glibc
package import Linux

/// The files below a directory, and nothing else: links are not followed, but for `NAME/blobs` where that leads to
/// `../blobs`, which all catalogues of a mirror share.
package final class FileTree: Sendable {
    private let root: Descriptor

    package init(_ directory: String) throws { root = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY) }

    /// A regular file; nil where there is none.
    package func file(_ path: [String]) throws -> Descriptor? {
        var path = path[...]
        if path.count > 2, path[1] == "blobs", try isSharedBlobs(path[0]) { path = path.dropFirst() }
        guard let name = path.popLast() else { return nil }
        var directory = root
        for component in path {
            guard let next = try Self.open(component, in: directory, O_DIRECTORY) else { return nil }
            directory = next
        }
        guard let file = try Self.open(name, in: directory, O_NONBLOCK) else { return nil }
        var status = stat()
        try retrying("look at a served file") { fstat(file.raw, &status) }
        return status.st_mode & S_IFMT == S_IFREG ? file : nil
    }

    /// What it answers: the file that the path names.
    package func reply(to request: ServerRequest) throws -> ServerReply {
        guard let file = try file(request.path) else { return .notFound }
        return try ServedContent(file: file, isImmutable: request.path.contains("blobs")).reply(to: request)
    }

    private func isSharedBlobs(_ name: String) throws -> Bool {
        guard let directory = try Self.open(name, in: root, O_DIRECTORY) else { return false }
        var target = [CChar](repeating: 0, count: 32)
        let length = readlinkat(directory.raw, "blobs", &target, target.count)
        return length > 0
            && String(decoding: target.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) == "../blobs"
    }

    /// Nil where it is not there, or is something else than is wanted.
    private static func open(_ name: String, in directory: Descriptor, _ flags: Int32) throws -> Descriptor? {
        let raw = openat(directory.raw, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags)
        if raw >= 0 { return Descriptor(owning: raw) }
        if [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, ENXIO].contains(errno) { return nil }
        throw SystemError.last("open a served file")
    }
}
