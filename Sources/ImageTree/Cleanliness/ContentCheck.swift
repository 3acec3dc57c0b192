import ImageFormat
import Linux

/// Secrets and what belongs to one machine, by the names and the contents of regular files.
struct ContentCheck: Sendable {
    /// Of a file, looked at: keys and tokens stand alone or in small files.
    static let scanned = 1 << 20
    /// A file that may hold tokens in text.
    private static let smallFile = 1 << 16

    let tree: String
    let exemptions: Exemptions

    func findings(of entry: FileEntry) throws -> [Finding] {
        guard case .file(let size, _) = entry.kind, size > 0 else { return [] }
        let content = try TreeFiles.beginning(
            of: "\(tree)/\(entry.path)", limit: Int(min(size, Int64(Self.scanned))))
        if AccountFiles.paths.contains(entry.path) {
            if size > Int64(Self.scanned) {
                return [
                    Finding(path: entry.absolutePath, what: "larger than any such file", remedy: "see what wrote it")
                ]
            }
            return AccountFiles.findings(path: entry.path, content: content)
        }
        if let finding = machineID(entry, content) { return [finding] }
        if Exemptions.covers(exemptions.secrets, entry.absolutePath) { return [] }
        return secret(entry, content, size: size).map { [$0] } ?? []
    }

    private func machineID(_ entry: FileEntry, _ content: [UInt8]) -> Finding? {
        guard ["etc/machine-id", "var/lib/dbus/machine-id"].contains(entry.path) else { return nil }
        let text = String(decoding: content.prefix(64).filter { $0 > 0x20 }, as: UTF8.self)
        // What systemd writes where the first start is still to come (machine-id(5)).
        if text.isEmpty || text == "uninitialized" { return nil }
        return Finding(
            path: entry.absolutePath, what: "the identity of one machine, which every machine would share",
            remedy: "empty it at the end of a build script: truncate -s 0 \(entry.absolutePath)")
    }

    private func secret(_ entry: FileEntry, _ content: [UInt8], size: Int64) -> Finding? {
        let what =
            SecretName.kind(of: entry.path, content: content) ?? PrivateKey.kind(in: content)
            ?? (size <= Int64(Self.smallFile) && mayHoldTokens(entry.path) ? BearerToken.kind(in: content) : nil)
        return what.map {
            Finding(
                path: entry.absolutePath, what: $0,
                remedy: "remove it in a build script, and withdraw it if it is in use; if it is none, as in tests and "
                    + "documentation, add it to the recipe's 'permit: secrets:'")
        }
    }

    private func mayHoldTokens(_ path: String) -> Bool {
        ["root/", "home/", "etc/", "var/", "opt/"].contains { path.utf8.starts(with: $0.utf8) }
    }
}
