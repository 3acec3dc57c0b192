/// The rule for a kernel's modules: a cpio archive with directories and regular files under `lib/modules/`, and nothing
/// else. It is unpacked into the root of the guest before pid 1 runs, so nothing in it may lie where pid 1 looks.
package struct ModulesArchive: Equatable, Sendable {
    package struct Limits: Sendable {
        package var entries = 20_000
        package var nameBytes = 1024
        /// The sum of all files; they stay in the guest's memory.
        package var totalBytes: Int64 = 1 << 30

        package init() {}
    }

    package private(set) var files = 0
    package private(set) var directories = 0
    package private(set) var totalBytes: Int64 = 0

    /// Reads the whole archive. Throws `refused` or `limitExceeded` with the entry and the rule it breaks.
    package init(checking source: @escaping ByteSource, limits: Limits = Limits()) throws {
        let reader = CpioReader(source: source)
        while let entry = try reader.next() {
            if let fault = Self.fault(of: entry, limits) {
                throw ArchiveError(.refused, "modules archive, entry '\(printable(entry.path))': \(fault)")
            }
            if entry.isDirectory { directories += 1 } else { files += 1 }
            totalBytes += entry.size
            if files + directories > limits.entries || totalBytes > limits.totalBytes {
                throw ArchiveError(
                    .limitExceeded,
                    "modules archive, entry '\(printable(entry.path))': more than \(limits.entries) entries or "
                        + "\(limits.totalBytes) bytes of files")
            }
        }
        try reader.checkEnd()
    }

    private static func fault(of entry: CpioEntry, _ limits: Limits) -> String? {
        guard entry.isDirectory || entry.isFile else {
            return "only directories and regular files are allowed, its mode is 0\(String(entry.mode, radix: 8))"
        }
        if entry.mode & 0o7000 != 0 { return "setuid, setgid and sticky bits are not allowed" }
        if entry.isFile && entry.links > 1 { return "hard links are not allowed" }
        if entry.isDirectory && entry.size > 0 { return "a directory cannot have contents" }
        if entry.path.utf8.count > limits.nameBytes { return "the name is longer than \(limits.nameBytes) bytes" }
        do {
            // Equal only where nothing had to be normalised.
            guard try ContainedPath(entry.path).key == Array(entry.path.utf8) else {
                return "the name holds empty or '.' components"
            }
        } catch { return "\(error)" }
        if entry.path == "lib" || entry.path == "lib/modules" {
            return entry.isDirectory ? nil : "it must be a directory"
        }
        return entry.path.utf8.starts(with: "lib/modules/".utf8) ? nil : "the name is not under lib/modules/"
    }
}
