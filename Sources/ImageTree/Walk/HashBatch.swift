import GridModel
import ImageFormat

/// Entries on their way to the listing, whose digests are computed several at a time.
struct HashBatch {
    /// Stands for a digest until it is known.
    static let pending = Digest(bytes: [UInt8](repeating: 0, count: 32))

    let threads: Int
    private var entries: [FileEntry] = []
    /// Where the regular files among them lie.
    private var files: [(index: Int, place: String)] = []
    private var bytes: Int64 = 0

    init(threads: Int) { self.threads = max(1, threads) }

    /// So many that threads seldom wait for each other, so few that they take no memory to speak of.
    var isFull: Bool { entries.count >= 4096 || bytes >= 1 << 28 }

    mutating func add(_ entry: FileEntry, file place: String?) throws {
        if let place, case .file(let size, _) = entry.kind {
            files.append((entries.count, place))
            bytes += size
        }
        entries.append(entry)
    }

    /// Hands over what it holds, complete.
    mutating func flush(to body: (FileEntry) throws -> Void) throws {
        for (index, digest) in try digests() {
            guard case .file(let size, _) = entries[index].kind else { continue }
            entries[index].kind = .file(size: size, digest: digest)
        }
        for entry in entries { try body(entry) }
        entries.removeAll(keepingCapacity: true)
        files.removeAll(keepingCapacity: true)
        bytes = 0
    }

    private func digests() throws -> [(Int, Digest)] {
        let sizes = files.map { file in
            if case .file(let size, _) = entries[file.index].kind { size } else { Int64(0) }
        }
        let files = files
        let found = try Parallel.map(count: files.count, threads: threads) {
            var hasher = FileHasher()
            return { try hasher.digest(of: files[$0].place, size: sizes[$0]) }
        }
        return zip(files, found).map { ($0.index, $1) }
    }
}
