/// Writes a cpio archive in the "newc" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), as
/// the kernel unpacks it as initramfs. The same calls give the same bytes: times and owners are 0.
///
/// The kernel drops a file whose directory is not there: append directories first.
package final class CpioWriter {
    static let magic = Array("070701".utf8)
    static let trailer = "TRAILER!!!"
    /// Linux PATH_MAX, with the final NUL.
    static let nameLimit = 4096
    static let directoryType: UInt32 = 0o040000
    static let fileType: UInt32 = 0o100000
    static let typeMask: UInt32 = 0o170000

    private let sink: ByteSink
    private var nextInode: UInt32 = 1

    package init(sink: @escaping ByteSink) { self.sink = sink }

    package func append(directory path: String, mode: UInt32 = 0o755) throws {
        try header(path, mode: Self.directoryType | mode & 0o7777, links: 2, size: 0)
    }

    /// A file below 4 GiB; padded to 4 bytes, as every entry.
    package func append(file path: String, mode: UInt32 = 0o644, contents: [UInt8]) throws {
        var rest = contents
        try append(file: path, mode: mode, size: Int64(contents.count)) {
            defer { rest = [] }
            return rest
        }
    }

    /// `contents` is called until it returns nothing; all together must be `size` bytes.
    package func append(file path: String, mode: UInt32 = 0o644, size: Int64, contents: () throws -> [UInt8]) throws {
        guard let fitting = UInt32(exactly: size) else {
            throw ArchiveError(
                .limitExceeded, "write cpio entry \(printable(path)): \(size) bytes do not fit, 4 GiB - 1 are the most")
        }
        try header(path, mode: Self.fileType | mode & 0o7777, links: 1, size: fitting)
        try copyExactly(size, of: path, from: contents, to: sink)
        try pad(size)
    }

    /// Ends the archive; its length is a multiple of 4, so that another may follow it at once.
    package func finish() throws { try emit(Self.trailer, inode: 0, mode: 0, links: 1, size: 0) }

    private func header(_ path: String, mode: UInt32, links: UInt32, size: UInt32) throws {
        let components: [String]
        do { components = try ContainedPath(path).components } catch let fault as ArchiveError {
            throw ArchiveError(.refused, "write cpio entry '\(printable(path))': \(fault.message)")
        }
        let name = components.joined(separator: "/")
        guard !name.isEmpty, name.utf8.count < Self.nameLimit, name != Self.trailer else {
            throw ArchiveError(.refused, "write cpio entry '\(printable(path))': the format cannot hold this name")
        }
        try emit(name, inode: nextInode, mode: mode, links: links, size: size)
        nextInode += 1
    }

    private func emit(_ name: String, inode: UInt32, mode: UInt32, links: UInt32, size: UInt32) throws {
        var bytes = Self.magic
        let nameSize = UInt32(name.utf8.count + 1)
        // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        for field in [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameSize, 0] { bytes += Self.hexadecimal(field) }
        bytes += name.utf8
        bytes.append(0)
        bytes += [UInt8](repeating: 0, count: Int64(bytes.count).padding(to: 4))
        try sink(bytes)
    }

    private func pad(_ size: Int64) throws {
        let count = size.padding(to: 4)
        if count > 0 { try sink([UInt8](repeating: 0, count: count)) }
    }

    private static func hexadecimal(_ value: UInt32) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return (0..<8).map { digits[Int(value >> (28 - 4 * $0) & 15)] }
    }
}

/// Copies contents of an announced size; other sizes are an error, and nothing beyond the size is written.
func copyExactly(_ size: Int64, of path: String, from contents: () throws -> [UInt8], to sink: ByteSink) throws {
    func wrong(_ found: String) -> ArchiveError {
        ArchiveError(.wrongSize, "write \(printable(path)): \(size) bytes announced, \(found)")
    }
    var written: Int64 = 0
    while true {
        let bytes = try contents()
        if bytes.isEmpty { break }
        written += Int64(bytes.count)
        if written > size { throw wrong("more were given") }
        try sink(bytes)
    }
    if written < size { throw wrong("\(written) were given") }
}
