import Glibc
import GridModel
import ImageFormat
import ImageStore
import Linux

/// What builds read, kept in the home by digest: a later build needs no network for it.
struct Inputs {
    private let directory: String

    init(home: Home) throws {
        directory = home.inputBlobs
        try Files.makeDirectories(directory, mode: 0o700)
    }

    /// What `image export --inputs` wrote.
    init(exported directory: String) throws {
        self.directory = "\(directory)/sha256"
        guard Files.isDirectory(self.directory) else {
            throw ImageFactoryError(
                .wrongInput,
                "--inputs \(directory): there is no directory \(self.directory); make one with: sojourn image export REF --inputs DIR"
            )
        }
    }

    private func path(_ digest: Digest) -> String { "\(directory)/\(digest.hex)" }

    /// The kept file with this content, checked; nil where there is none. A damaged one is removed.
    func file(_ digest: Digest) throws -> String? {
        guard Files.exists(path(digest)) else { return nil }
        if try BlobHash.digest(ofFile: path(digest)) == digest { return path(digest) }
        try Files.remove(path(digest))
        return nil
    }

    /// Keeps a file of the home's own filesystem, which must have this content: it is moved.
    func keep(_ file: String, as digest: Digest, of what: String) throws {
        let found = try BlobHash.digest(ofFile: file)
        guard found == digest else {
            throw ImageFactoryError(
                .wrongInput,
                "\(what) was fetched with the content \(found), expected \(digest); "
                    + "the index changed it, or the sha256 that recipe or lock gives is wrong")
        }
        try move(file, digest)
    }

    /// Keeps a file of the home's own filesystem, whatever it holds.
    func keep(_ file: String) throws -> (digest: Digest, size: Int64) {
        let digest = try BlobHash.digest(ofFile: file)
        let size = try Descriptor.open(file, O_RDONLY).size()
        try move(file, digest)
        return (digest, size)
    }

    private func move(_ file: String, _ digest: Digest) throws {
        try Descriptor.open(file, O_RDONLY).synchronise()
        try retrying("make \(file) read-only") { chmod(file, 0o444) }
        try Files.rename(file, to: path(digest))
    }

    /// Copies a file from anywhere in, holes kept.
    func keepCopy(of file: String, tools: Toolbox) throws -> (digest: Digest, size: Int64) {
        // A pipe would never end.
        _ = try Descriptor.openRegular(file)
        let temporary = "\(directory)/\(Host.processID)-\(UInt32.random(in: .min ... .max)).tmp"
        do {
            try tools.run(.copy, ["--sparse=always", "--", file, temporary], deadline: .seconds(7200))
            return try keep(temporary)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// What of these is not kept, or damaged.
    func missing(_ inputs: [Lock.Input]) throws -> [Lock.Input] { try inputs.filter { try file($0.digest) == nil } }

    /// Makes what a build reads readable under names of its own: hard links where the filesystem allows it.
    func link(_ digest: Digest, to target: String) throws {
        guard Glibc.link(path(digest), target) != 0 else { return }
        throw SystemError.last("link the input \(digest) to \(target)")
    }

    /// Takes an input that somebody else kept; false where they have it not, or damaged.
    func take(_ input: Lock.Input, from other: Inputs, tools: Toolbox) throws -> Bool {
        // A link could name any file of this host.
        guard try FileStatus.ifPresent(other.path(input.digest))?.kind == .file else { return false }
        return try keepCopy(of: other.path(input.digest), tools: tools).digest == input.digest
    }
}
