import ImageFormat

/// What package managers leave behind: one finding for each directory, however much lies there.
struct CacheCheck {
    private struct Cache {
        let directory: String
        let owner: String
        /// Nil: any file.
        let suffix: String?
    }

    private static let caches = [
        Cache(directory: "var/cache/apt/archives/", owner: "apt's packages", suffix: ".deb"),
        Cache(directory: "var/cache/apt/", owner: "apt's cache", suffix: ".bin"),
        Cache(directory: "var/lib/apt/lists/", owner: "apt's lists of packages", suffix: nil),
        Cache(directory: "var/cache/dnf/", owner: "dnf's cache", suffix: nil),
        Cache(directory: "var/cache/yum/", owner: "yum's cache", suffix: nil),
        Cache(directory: "var/cache/apk/", owner: "apk's cache", suffix: nil),
        Cache(directory: "root/.cache/pip/", owner: "pip's cache", suffix: nil),
    ]

    private var counts = [Int](repeating: 0, count: caches.count)

    /// Locks and what else is empty does no harm.
    mutating func inspect(_ entry: FileEntry) {
        guard case .file(let size, _) = entry.kind, size > 0 else { return }
        let path = entry.path.utf8
        for (index, cache) in Self.caches.enumerated() where path.starts(with: cache.directory.utf8) {
            guard cache.suffix.map({ path.reversed().starts(with: $0.utf8.reversed()) }) ?? true else { continue }
            counts[index] += 1
            return
        }
    }

    var findings: [Finding] {
        zip(Self.caches, counts).filter { $1 > 0 }.map { cache, count in
            let directory = "/\(cache.directory.dropLast())"
            return Finding(
                path: directory, what: "\(cache.owner), \(count) \(count == 1 ? "file" : "files")",
                remedy: "remove them at the end of a build script: find \(directory) -type f -delete")
        }
    }
}
