package import GridModel
import ImageStore
import System

/// The files that a run read, by digest, as far as they can be known before it: those that were staged in, or those that
/// its command names.
package enum RunInputs {
    /// Of one file that only is named: what is larger is hashed by nobody who waits for a start.
    private static let largest: Int64 = 256 << 20
    private static let mostFiles = 10_000

    /// By their names as they were given, below the current directory or absolute.
    static func digests(_ request: MachineRequest) throws -> [String: Digest] {
        if let isolation = request.isolation { return try digests(of: isolation.inputs, bound: .max) }
        return try digests(of: request.command.filter(isNamedFile), bound: largest)
    }

    private static func isNamedFile(_ word: String) -> Bool {
        guard !word.isEmpty, let status = try? FileStatus.ifPresent(word) else { return false }
        return status.kind == .file
    }

    /// What is not as it was: by name, why.
    package static func changes(since recorded: [String: Digest]) throws -> [String] {
        try recorded.sorted { $0.key < $1.key }.compactMap { name, digest in
            guard Files.exists(name) else { return "input \(name) is gone" }
            return try BlobHash.digest(ofFile: name) == digest ? nil : "input \(name) has another content"
        }
    }

    private static func digests(of names: [String], bound: Int64) throws -> [String: Digest] {
        var found: [String: Digest] = [:]
        var waiting = names
        while let name = waiting.popLast(), found.count < mostFiles {
            guard let status = try FileStatus.ifPresent(name) else { continue }
            switch status.kind {
            case .directory: waiting += try Files.list(name).map { "\(name)/\($0)" }
            case .file where status.size <= bound: found[name] = try BlobHash.digest(ofFile: name)
            default: continue
            }
        }
        return found
    }
}
