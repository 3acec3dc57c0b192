import Glibc
import GridModel
import ImageStore
import Linux

/// A directory that holds copies of catalogues, for any web server to serve:
///
///     DIR/NAME/{metadata,targets,deltas,traces}    as the catalogue serves them
///     DIR/NAME/blobs -> ../blobs
///     DIR/blobs/sha256/HEX                         of all catalogues
///     DIR/.state/                                  what the copying itself keeps; not served
struct MirrorDirectory: Sendable {
    /// Absolute, without links, once it is made.
    private(set) var path: String

    init(path: String) { self.path = path }

    var blobs: String { "\(path)/blobs/sha256" }
    var state: String { "\(path)/.state" }
    /// Blobs on their way.
    var partial: String { "\(state)/partial" }

    func blob(_ digest: Digest) -> String { "\(blobs)/\(digest.hex)" }

    /// What the copying of a catalogue knows of it: verified metadata, as a client has it.
    func known(_ name: String) -> CatalogueDirectory { CatalogueDirectory(path: "\(state)/catalogues/\(name)") }

    /// Makes what is missing. Refuses a directory that holds other things.
    mutating func make() throws {
        if !Files.isDirectory(state) {
            try Files.makeDirectories(path)
            guard try Files.list(path).isEmpty else {
                throw DistributionError(
                    .refused, "\(path) holds other files; give a new or empty directory for the mirror")
            }
        }
        for directory in [blobs, partial, "\(state)/named"] { try Files.makeDirectories(directory) }
        path = Files.canonical(path) ?? path
        // Of no interest to those whom a web server serves.
        try retrying("restrict \(state)") { chmod(state, 0o700) }
    }

    /// Makes the directories of a catalogue.
    func make(_ name: String) throws {
        for part in ["metadata", "targets"] { try Files.makeDirectories("\(path)/\(name)/\(part)") }
        let link = "\(path)/\(name)/blobs"
        if !Files.isLink(link) { try retrying("make the link \(link)") { symlink("../blobs", link) } }
    }

    /// Runs `body` while nobody else copies into this directory.
    func withLock<Result>(waiting: () -> Void, _ body: () throws -> Result) throws -> Result {
        let lock = try FileLock.wait("\(state)/lock", waiting: waiting)
        return try withExtendedLifetime(lock) { try body() }
    }

    /// Replaces a file below the directory, unless it holds these bytes already.
    func write(_ bytes: [UInt8], to name: String) throws {
        let file = "\(path)/\(name)"
        if Files.exists(file), try Files.size(file) == bytes.count, try Files.read(file, limit: bytes.count) == bytes {
            return
        }
        try Files.makeDirectories(Files.parent(of: file))
        try Files.write(bytes, to: file)
    }

    // MARK: What is named

    /// Keeps which files belong to what a catalogue says now.
    func keep(named files: Set<String>, by name: String) throws {
        try Files.write(Array(files.sorted().joined(separator: "\n").utf8), to: "\(state)/named/\(name)")
    }

    /// Removes files that no catalogue of `names` has named for `grace`: clients may be reading what it said before.
    func sweep(_ names: [String], grace: WallTime, now: Timestamp) throws -> Int {
        var named: Set<String> = []
        for name in names {
            // Of a catalogue that was never copied as a whole nobody knows what it names.
            guard let lines = try lines(of: "\(state)/named/\(name)") else { return 0 }
            named.formUnion(lines)
        }
        let before = try unnamedBefore()
        var after: [String] = []
        var removed = 0
        for file in try files() where !named.contains(file) {
            let since = min(before[file] ?? now.seconds, now.seconds)
            if now.seconds - since >= grace.seconds {
                try Files.remove("\(path)/\(file)")
                removed += 1
            } else {
                after.append("\(since) \(file)")
            }
        }
        try Files.write(Array(after.joined(separator: "\n").utf8), to: "\(state)/unnamed")
        for part in try Files.list(partial) {
            guard let changed = Files.changed("\(partial)/\(part)"), now.seconds - changed > max(grace.seconds, 86400)
            else { continue }
            try Files.remove("\(partial)/\(part)")
        }
        return removed
    }

    /// By file, since when.
    private func unnamedBefore() throws -> [String: Int64] {
        var since: [String: Int64] = [:]
        for line in try lines(of: "\(state)/unnamed") ?? [] {
            guard let blank = line.firstIndex(of: " "), let seconds = Int64(line[..<blank]) else { continue }
            since[String(line[line.index(after: blank)...])] = seconds
        }
        return since
    }

    private func lines(of file: String) throws -> [String]? {
        guard Files.exists(file) else { return nil }
        return String(decoding: try Files.read(file, limit: 1 << 28), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    /// All that is served, by its path from here.
    private func files() throws -> [String] {
        var found: [String] = []
        var waiting = try Files.list(path).filter { !$0.hasPrefix(".") }
        while let next = waiting.popLast() {
            if Files.isLink("\(path)/\(next)") { continue }
            if Files.isDirectory("\(path)/\(next)") {
                waiting += try Files.list("\(path)/\(next)").map { "\(next)/\($0)" }
            } else {
                found.append(next)
            }
        }
        return found.sorted()
    }
}
