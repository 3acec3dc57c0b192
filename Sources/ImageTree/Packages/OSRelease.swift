/// os-release(5).
package enum OSRelease {
    /// What a system says of itself, without quotes; nil where it does not tell. Links are followed within the tree.
    package static func value(_ key: String, in tree: String) throws -> String? { try find(key, in: tree)?.value }

    static func identifier(_ tree: String) throws -> String {
        // What os-release(5) says of a system that does not tell.
        guard let (value, path) = try find("ID", in: tree) else { return "linux" }
        let isPlain = value.utf8.allSatisfy {
            (48...57).contains($0) || (97...122).contains($0) || [0x2e, 0x5f, 0x2d].contains($0)
        }
        guard isPlain, !value.isEmpty, value.utf8.count <= 64 else {
            throw ImageTreeError(
                .unreadableDatabase,
                "/\(path): ID=\(value.prefix(64)) is no identifier of a system: expected letters a-z, digits "
                    + "and ._-; see what wrote it")
        }
        return value
    }

    private static func find(_ key: String, in tree: String) throws -> (value: String, path: String)? {
        for path in ["etc/os-release", "usr/lib/os-release"] {
            guard let content = try TreeFiles(root: tree).read(path, limit: 1 << 20) else { continue }
            let line = PackageField.lines(content).first { $0.hasPrefix("\(key)=") }
            return line.map { ($0.dropFirst(key.count + 1).filter { $0 != "\"" && $0 != "'" }, path) }
        }
        return nil
    }
}
