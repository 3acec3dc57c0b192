import Crypto
import Glibc
import GridModel
import ImageStore
import System

/// What builds fetched, kept in the home by digest: a later build needs no network for it.
struct Inputs {
    private let directory: String

    init(home: Home) throws {
        directory = "\(home.inputs)/sha256"
        try Files.makeDirectories(directory, mode: 0o700)
    }

    /// The kept file with this content, checked; nil where there is none. A damaged one is removed.
    func file(_ digest: GridModel.Digest) throws -> String? {
        let path = "\(directory)/\(digest.hex)"
        guard Files.exists(path) else { return nil }
        if try Self.digest(path) == digest { return path }
        try Files.remove(path)
        return nil
    }

    /// Keeps a fetched file, which must have this content and lie in the same home.
    func keep(_ file: String, as digest: GridModel.Digest, of what: String) throws -> String {
        let found = try Self.digest(file)
        guard found == digest else {
            throw ImageFactoryError(
                .wrongInput,
                "\(what) was fetched with the content \(found), expected \(digest); "
                    + "the index changed it, or the recipe's sha256 is wrong")
        }
        let path = "\(directory)/\(digest.hex)"
        try Descriptor.open(file, O_RDONLY).synchronise()
        try retrying("make \(file) read-only") { chmod(file, 0o444) }
        try Files.rename(file, to: path)
        return path
    }

    static func digest(of bytes: [UInt8]) -> GridModel.Digest { GridModel.Digest(bytes: SHA256.hash(data: bytes)) }

    private static func digest(_ path: String) throws -> GridModel.Digest {
        let file = try Descriptor.open(path, O_RDONLY)
        var hash = SHA256()
        while let chunk = try file.read(upTo: 1 << 20), !chunk.isEmpty { hash.update(data: chunk) }
        return GridModel.Digest(bytes: hash.finalize())
    }
}
