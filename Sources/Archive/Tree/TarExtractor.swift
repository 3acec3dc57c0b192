internal import Glibc

/// Extracts an archive that nobody trusts into a directory, and never outside of it: every component is opened without
/// following links, whatever the archive, or somebody else in the directory at the same time, puts there.
///
/// Files and symbolic links replace what has their name as a whole; directories that exist stay as they are.
package struct TarExtractor {
    package struct Owner: Equatable, Sendable {
        package let uid: UInt32
        package let gid: UInt32

        package init(uid: UInt32, gid: UInt32) {
            self.uid = uid
            self.gid = gid
        }
    }

    package struct Options: Sendable {
        /// The sum of the sizes of all files.
        package var totalBytes: Int64
        /// Headers in the archive, extensions included.
        package var entries: Int
        /// Who is to own what is extracted; nil leaves it to the caller's user. The archive's owners do not count.
        package var owner: Owner?
        /// Ends with every file and directory on the disk.
        package var synchronise: Bool
        /// What was asked for, by name; anything else is refused.
        package var accepts: @Sendable (_ path: String) -> Bool = { _ in true }

        package init(totalBytes: Int64, entries: Int, owner: Owner? = nil, synchronise: Bool = false) {
            self.totalBytes = totalBytes
            self.entries = entries
            self.owner = owner
            self.synchronise = synchronise
        }
    }

    package struct File: Equatable, Sendable {
        package let path: String
        package let size: Int64

        package init(path: String, size: Int64) {
            self.path = path
            self.size = size
        }
    }

    /// An entry that was left out. The path is free of control characters.
    package struct Refusal: Equatable, Sendable {
        package let path: String
        package let reason: String
    }

    package struct Result: Equatable, Sendable {
        /// Sorted by path; a name that came twice is listed once, as it is now.
        package var files: [File] = []
        package var refusals: [Refusal] = []
    }

    /// What a file is written under before it is whole.
    private static let temporaryPrefix = ".sojourn-extract-"
    private static let chunk = 1 << 18

    private let directory: Int32
    private let options: Options
    private var files: [[UInt8]: File] = [:]
    private var touched: Set<[UInt8]> = []
    private var bytesLeft: Int64

    /// `directory` is the caller's, open for the length of the call.
    package static func extract(
        _ source: @escaping ByteSource, into directory: Int32, options: Options
    ) throws -> Result {
        var extractor = TarExtractor(directory: directory, options: options)
        return try extractor.run(TarReader(source: source, entryLimit: options.entries))
    }

    private init(directory: Int32, options: Options) {
        self.directory = directory
        self.options = options
        bytesLeft = options.totalBytes
    }

    private mutating func run(_ reader: TarReader) throws -> Result {
        var result = Result()
        while let entry = try reader.next() {
            do { try place(entry, reader) } catch let fault as ArchiveError where Self.concernsEntryOnly(fault) {
                result.refusals.append(Refusal(path: printable(entry.path), reason: fault.message))
            }
        }
        if options.synchronise { try synchroniseDirectories() }
        result.files = files.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        return result
    }

    /// True for a broken rule, and for what stands at the entry's name already.
    private static func concernsEntryOnly(_ fault: ArchiveError) -> Bool {
        let inTheWay = [ENOTDIR, ELOOP, EISDIR, EEXIST, ENOTEMPTY, ENAMETOOLONG]
        return fault.code == .refused || fault.code == .fileSystem && inTheWay.contains(fault.errno)
    }
}

// MARK: - Entries

extension TarExtractor {
    private mutating func place(_ entry: TarEntry, _ reader: TarReader) throws {
        let path = try ContainedPath(entry.path)
        guard options.accepts(path.text) else { throw ArchiveError(.refused, "it was not asked for") }
        switch entry.kind {
        case .file(let size):
            try place(file: path, entry, size, reader)
            files[path.key] = File(path: path.text, size: size)
        case .directory:
            let parent = try parent(of: path)
            if let name = path.components.last {
                _ = try enter(name, in: parent.raw, mode: entry.mode, path: path.text)
            }
        case .symbolicLink(let target):
            try path.checkLinkTarget(target)
            try place(link: path, target)
            files[path.key] = nil
        case .hardLink: throw ArchiveError(.refused, "hard links are not extracted")
        case .characterDevice, .blockDevice: throw ArchiveError(.refused, "device nodes are not extracted")
        case .fifo: throw ArchiveError(.refused, "named pipes are not extracted")
        }
    }

    private mutating func place(
        file path: ContainedPath, _ entry: TarEntry, _ size: Int64, _ reader: TarReader
    ) throws {
        guard let name = path.components.last else { throw ArchiveError(.refused, "a file must have a name") }
        if size > bytesLeft {
            throw ArchiveError(
                .limitExceeded,
                "extract \(printable(path.text)): with its \(size) bytes, the files are larger than the "
                    + "\(options.totalBytes) bytes allowed in all")
        }
        let parent = try parent(of: path)
        let temporary = Self.temporaryName()
        let file = try OpenFile.open(
            temporary, in: parent.raw, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600, path: path.text)
        try orRemove(temporary, in: parent.raw) {
            while true {
                let bytes = try reader.readData(upTo: Self.chunk)
                if bytes.isEmpty { break }
                try file.write(bytes, path: path.text)
            }
            try setOwner(of: file, path.text)
            try kernel("change the mode of", path.text) { fchmod(file.raw, entry.mode & 0o777) }
            let time = timespec(tv_sec: Int(entry.mtime), tv_nsec: 0)
            try kernel("set the time of", path.text) { futimens(file.raw, [time, time]) }
            if options.synchronise { try file.synchronise(path.text) }
            try kernel("extract", path.text) { renameat(parent.raw, temporary, parent.raw, name) }
        }
        bytesLeft -= size
    }

    private mutating func place(link path: ContainedPath, _ target: String) throws {
        guard let name = path.components.last else { throw ArchiveError(.refused, "a link must have a name") }
        let parent = try parent(of: path)
        let temporary = Self.temporaryName()
        try kernel("extract", path.text) { symlinkat(target, parent.raw, temporary) }
        try orRemove(temporary, in: parent.raw) {
            if let owner = options.owner {
                try kernel("change the owner of", path.text) {
                    fchownat(parent.raw, temporary, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW)
                }
            }
            try kernel("extract", path.text) { renameat(parent.raw, temporary, parent.raw, name) }
        }
    }

    /// A name nobody has: neither the archive nor another extraction can know it.
    private static func temporaryName() -> String {
        temporaryPrefix + String(UInt64.random(in: 0 ... .max), radix: 16)
    }

    /// Removes what is not whole if `body` fails.
    private func orRemove(_ temporary: String, in directory: Int32, _ body: () throws -> Void) throws {
        do { try body() } catch {
            unlinkat(directory, temporary, 0)
            throw error
        }
    }

    private func setOwner(of file: borrowing OpenFile, _ path: String) throws {
        guard let owner = options.owner else { return }
        try kernel("change the owner of", path) { fchown(file.raw, owner.uid, owner.gid) }
    }
}

// MARK: - Directories

extension TarExtractor {
    /// The directory that is to hold `path`, made where it is missing.
    private mutating func parent(of path: ContainedPath) throws -> OpenFile {
        var current = try OpenFile.directory(".", in: directory, path: ".")
        var walked = ""
        for component in path.components.dropLast() {
            walked += walked.isEmpty ? component : "/\(component)"
            current = try enter(component, in: current.raw, mode: 0o755, path: walked)
        }
        if options.synchronise { touched.insert(walked.isEmpty ? [46] : Array(walked.utf8)) }
        return current
    }

    /// Opens a directory, and makes it first where there is nothing. A new one can always be entered and emptied by its
    /// owner, so that entries in it, and its removal, do not fail.
    private mutating func enter(_ name: String, in parent: Int32, mode: UInt32, path: String) throws -> OpenFile {
        let isNew = mkdirat(parent, name, 0o700) == 0
        if !isNew && errno != EEXIST { throw ArchiveError.kernel("make directory", path, errno) }
        let opened = try OpenFile.directory(name, in: parent, path: path)
        if isNew {
            try setOwner(of: opened, path)
            try kernel("change the mode of", path) { fchmod(opened.raw, mode & 0o777 | 0o700) }
            if options.synchronise { touched.insert(Array(path.utf8)) }
        }
        return opened
    }

    private func synchroniseDirectories() throws {
        for path in touched {
            let components = try ContainedPath(String(decoding: path, as: UTF8.self)).components
            var current = try OpenFile.directory(".", in: directory, path: ".")
            for component in components {
                current = try OpenFile.directory(component, in: current.raw, path: component)
            }
            try current.synchronise(String(decoding: path, as: UTF8.self))
        }
    }
}
