package import GridModel
import ImageStore
import Linux

/// The files that a run read, by digest, as far as they can be known before it: those that were staged in, or those in
/// shared directories that its command names.
package enum RunInputs {
    /// Of one file that only is named: what is larger is hashed by nobody who waits for a start.
    private static let largest: Int64 = 256 << 20
    private static let mostFiles = 10_000

    /// By their names as they were given. Nil where they are too many to be kept.
    static func digests(staged names: [String]) throws -> [String: Digest]? {
        var found: [String: Digest] = [:]
        var waiting = names
        while let name = waiting.popLast() {
            guard let status = try FileStatus.ifPresent(name) else { continue }
            switch status.kind {
            case .directory: waiting += try Files.list(name).map { "\(name)/\($0)" }
            case .file: found[name] = try BlobHash.digest(ofFile: name)
            default: continue
            }
            if found.count > mostFiles { return nil }
        }
        return found
    }

    /// Of a command's words, those that are files in what is shared: of others the machine sees its own.
    static func digests(
        namedBy command: [String], in shares: [MachineSpecification.Share]
    ) throws -> [String: Digest] {
        var found: [String: Digest] = [:]
        for word in command where !word.isEmpty {
            guard let path = Files.canonical(word), let status = try FileStatus.ifPresent(path), status.kind == .file,
                status.size <= largest,
                shares.contains(where: { path == $0.source || path.hasPrefix("\($0.source)/") })
            else { continue }
            found[word] = try BlobHash.digest(ofFile: path)
        }
        return found
    }

    /// What is not as it was: by name, why.
    package static func changes(since recorded: [String: Digest]) throws -> [String] {
        try recorded.sorted { $0.key < $1.key }.compactMap { name, digest in
            guard Files.exists(name) else { return "input \(name) is gone" }
            return try BlobHash.digest(ofFile: name) == digest ? nil : "input \(name) has another content"
        }
    }
}
