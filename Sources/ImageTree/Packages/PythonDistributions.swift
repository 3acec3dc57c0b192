import ImageFormat

/// What pip or setuptools installed, by the files that describe it (PEP 376, PEP 566 and the older egg-info).
struct PythonDistributions {
    /// The description is the head of a mail, followed by a manual that nobody needs here.
    private static let headLimit = 1 << 16

    private var paths: Set<PathKey> = []

    var isEmpty: Bool { paths.isEmpty }

    mutating func inspect(_ entry: FileEntry) {
        guard case .file = entry.kind, Self.mayDescribe(Array(entry.path.utf8)[...]) else { return }
        let parts = entry.path.split(separator: "/")
        let isInPlace = { (index: Int) in
            index >= 0 && (parts[index] == "site-packages" || parts[index] == "dist-packages")
        }
        guard let name = parts.last else { return }
        let container = parts.dropLast().last ?? ""
        let describes =
            name.hasSuffix(".egg-info") && isInPlace(parts.count - 2)
            || name == "METADATA" && container.hasSuffix(".dist-info") && isInPlace(parts.count - 3)
            || name == "PKG-INFO" && container.hasSuffix(".egg-info") && isInPlace(parts.count - 3)
        if describes { paths.insert(PathKey(entry.path)) }
    }

    /// A package of the system brought it.
    mutating func remove(_ path: String) { paths.remove(PathKey(path)) }

    /// A quick look at the end of a path.
    static func mayDescribe(_ path: ArraySlice<UInt8>) -> Bool {
        [".dist-info/METADATA", ".egg-info/PKG-INFO", ".egg-info"].contains { end in
            path.suffix(end.utf8.count).elementsEqual(end.utf8)
        }
    }

    func packages(_ files: TreeFiles) throws -> [InstalledPackage] {
        try paths.map(\.path).compactMap { path in
            try Self.package(
                try TreeFiles.beginning(of: "\(files.root)/\(path)", limit: Self.headLimit), path: path)
        }
    }

    /// Nil where it names no distribution: a file that only looks like one.
    private static func package(_ content: [UInt8], path: String) throws -> InstalledPackage? {
        var fields: [String: Substring] = [:]
        for line in PackageField.lines(content) {
            let line = line.last == "\r" ? line.dropLast() : line
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":"), line.first != " ", line.first != "\t" else { continue }
            let name = line[..<colon].lowercased()
            if fields[name] == nil { fields[name] = line[line.index(after: colon)...].drop { $0 == " " } }
        }
        guard let name = fields["name"], let version = fields["version"] else { return nil }
        var package = InstalledPackage(
            type: .pypi, name: PythonName.normalised(try PackageField.word(name, in: path)),
            version: try PackageField.word(version, in: path))
        package.licence = (fields["license-expression"] ?? fields["license"]).flatMap(PackageField.phrase)
        return package
    }
}
