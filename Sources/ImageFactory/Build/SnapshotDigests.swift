import Attestation
import Crypto
import Glibc
import GridModel
import ImageFormat
import Linux

/// The files of a snapshot with both digests that SPDX wants, one a line: `SHA1 SHA256 PATH`, the path's newlines as `\\n`.
enum SnapshotDigests {
    static func write(_ entries: [FileEntry], below destination: String, of tree: String, to path: String) throws {
        let output = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        var buffer: [UInt8] = []
        for entry in entries where entry.isFile && entry.path.hasPrefix(destination + "/") {
            guard case .file(_, let digest) = entry.kind else { continue }
            let name = entry.path.dropFirst(destination.utf8.count + 1)
            buffer += Array("\(try sha1("\(tree)/\(entry.path)")) \(digest.hex) \(escaped(name))\n".utf8)
            if buffer.count > 1 << 20 {
                try output.write(buffer)
                buffer = []
            }
        }
        try output.write(buffer)
    }

    private static func escaped(_ name: Substring) -> String {
        name.contains("\n") || name.contains("\\")
            ? name.map { $0 == "\n" ? "\\n" : $0 == "\\" ? "\\\\" : String($0) }.joined() : String(name)
    }

    private static func sha1(_ path: String) throws -> String {
        let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
        var hash = Insecure.SHA1()
        while let chunk = try file.read(upTo: 1 << 20), !chunk.isEmpty { hash.update(data: chunk) }
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Reads what `write` wrote, line by line.
    static func reader(_ path: String) throws -> SPDXDocument.FileSource {
        let file = try Descriptor.open(path, O_RDONLY)
        var pending: ArraySlice<UInt8> = []
        return {
            var end = pending.firstIndex(of: 10)
            while end == nil {
                guard let chunk = try file.read(upTo: 1 << 20), !chunk.isEmpty else { return nil }
                pending = ArraySlice(Array(pending) + chunk)
                end = pending.firstIndex(of: 10)
            }
            guard let end else { return nil }
            let line = String(decoding: pending[..<end], as: UTF8.self)
            pending = pending[(end + 1)...]
            let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard parts.count == 3, parts[0].utf8.count == 40 else {
                throw ImageFactoryError(.toolFailed, "the list of a snapshot's files is damaged: \(path)")
            }
            return SnapshotFile(
                path: parts[2], sha1: parts[0], digest: try GridModel.Digest(parsing: "sha256:\(parts[1])"))
        }
    }
}
