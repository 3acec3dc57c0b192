import Crypto
import Glibc
package import HTTPTransport
import Linux
import Trust

/// Fetches targets into a directory, each under its path in percent encoding.
package struct TargetDownload {
    private let base: String
    private let directory: String
    private let transport: HTTPTransport

    package init(base: String, directory: String, transport: HTTPTransport) {
        self.base = base.hasSuffix("/") ? base : "\(base)/"
        self.directory = directory
        self.transport = transport
    }

    /// What is there already with the right content is not fetched.
    package func fetch(_ path: String, by updater: inout MetadataUpdater) throws {
        guard let target = try updater.target(path) else {
            throw DistributionError(.unknownReference, "no role of this repository answers for a target '\(path)'")
        }
        let file = "\(directory)/\(Self.name(of: path))"
        if try isSound(file, target) { return }
        let url = base + updater.servedPath(of: path, target)
        let temporary = "\(file).\(getpid()).tmp"
        do {
            let output = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
            var content = ContentHash()
            let count = try transport.download(url, limit: target.length) { piece in
                content.update(piece)
                try output.write(piece)
            }
            guard count == target.length, content.isOf(target.hashes) else {
                throw DistributionError(
                    .refused, "\(url): \(count) bytes that are not the target '\(path)'; ask whoever serves it")
            }
            // Not flushed: what a loss of power leaves of it is looked at before it is taken for sound.
            try retrying("rename \(temporary) to \(file)") { rename(temporary, file) }
        } catch {
            try Files.remove(temporary)
            throw error
        }
    }

    /// In percent encoding; `.` and `..`, which that leaves as they are, are no files' names.
    private static func name(of path: String) -> String {
        path == "." || path == ".." ? String(repeating: "%2E", count: path.utf8.count) : PercentEncoding.of(path)
    }

    private func isSound(_ file: String, _ target: TUF.Target) throws -> Bool {
        guard Files.exists(file), try Files.size(file) == target.length else { return false }
        let input = try Descriptor.openRegular(file)
        var content = ContentHash()
        while let piece = try input.read(upTo: 1 << 20), !piece.isEmpty { content.update(piece) }
        return content.isOf(target.hashes)
    }
}

/// The hashes that targets may have, of bytes as they come.
struct ContentHash {
    private var sha256 = SHA256()
    private var sha512 = SHA512()

    mutating func update(_ bytes: [UInt8]) {
        sha256.update(data: bytes)
        sha512.update(data: bytes)
    }

    func isOf(_ hashes: TUF.FileHashes) -> Bool {
        hashes.match(sha256: sha256.finalize(), sha512: sha512.finalize())
    }
}
