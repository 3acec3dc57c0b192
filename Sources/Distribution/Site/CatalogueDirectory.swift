import Glibc
import GridModel
package import ImageStore
import Linux

/// What a home keeps of a catalogue: `HOME/catalogues/NAME`.
///
/// `metadata` is a link to one complete generation of verified metadata: an update makes the next one beside it and turns
/// the link, so that whoever reads sees the old or the new and never a mixture. The generation before stays for those who
/// are reading it.
package struct CatalogueDirectory: Sendable {
    package let path: String

    package init(_ home: Home, name: String) { path = "\(home.path)/catalogues/\(name)" }

    /// Elsewhere than in a home.
    init(path: String) { self.path = path }

    private var link: String { "\(path)/metadata" }
    var documents: String { "\(path)/documents" }

    func document(_ digest: Digest) -> String { "\(documents)/\(digest.hex)" }

    /// The generation that counts; nil where there is none yet.
    func current() -> MetadataDirectory? { Files.canonical(link).map { MetadataDirectory(path: $0) } }

    /// Runs `body` on the next generation, which begins as a copy of the current one and takes its place when `body` is
    /// done. Somebody else's update is waited for.
    package func update<Result>(waiting: () -> Void = {}, _ body: (MetadataDirectory) throws -> Result) throws -> Result
    {
        try Files.makeDirectories(documents, mode: 0o700)
        let lock = try FileLock.wait("\(path)/.lock", waiting: waiting)
        return try withExtendedLifetime(lock) {
            let old = current()
            try sweep(keeping: old.map { [$0.path] } ?? [])
            let name = "metadata-\(UInt64.random(in: 0 ... .max))"
            let next = MetadataDirectory(path: "\(path)/\(name)")
            do {
                try Files.makeDirectories(next.path, mode: 0o700)
                try old.map { try copy($0.path, to: next.path) }
                let result = try body(next)
                try Files.synchroniseFilesystem(of: next.path)
                try turn(to: name)
                return result
            } catch {
                try Files.removeTree(next.path)
                throw error
            }
        }
    }

    private func turn(to name: String) throws {
        let temporary = "\(link).tmp"
        try Files.remove(temporary)
        try retrying("make the link \(temporary)") { symlink(name, temporary) }
        try Files.rename(temporary, to: link)
        try Files.synchroniseDirectory(path)
    }

    /// Removes what killed updates left, and the generation before the last.
    private func sweep(keeping kept: [String]) throws {
        for name in try Files.list(path) where name.hasPrefix("metadata-") && !kept.contains("\(path)/\(name)") {
            try Files.removeTree("\(path)/\(name)")
        }
    }

    private func copy(_ source: String, to target: String) throws {
        for name in try Files.list(source) where !name.hasSuffix(".tmp") {
            if Files.isDirectory("\(source)/\(name)") {
                try Files.makeDirectories("\(target)/\(name)")
                try copy("\(source)/\(name)", to: "\(target)/\(name)")
            } else if name != ".lock" {
                // Metadata is only ever replaced, never changed: a second name is a copy.
                try retrying("keep \(source)/\(name)") { Glibc.link("\(source)/\(name)", "\(target)/\(name)") }
            }
        }
    }
}
