import ImageFormat

/// apk's `installed`: stanzas of lines `LETTER:VALUE` (Alpine's wiki, "Apk spec", section "Installed Database V2").
struct AlpineDatabase: PackageDatabase {
    let files: TreeFiles
    private static let paths = ["lib/apk/db/installed", "usr/lib/apk/db/installed"]

    private func content() throws -> (path: String, bytes: [UInt8])? {
        for path in Self.paths {
            if let bytes = try files.read(path, limit: PackageField.databaseLimit) { return (path, bytes) }
        }
        return nil
    }

    func packages() throws -> [InstalledPackage] {
        guard let (path, bytes) = try content() else { return [] }
        var packages: [InstalledPackage] = []
        var fields: [Character: Substring] = [:]
        func finish() throws {
            defer { fields = [:] }
            guard let name = fields["P"] else { return }
            var package = InstalledPackage(
                type: .apk, name: try PackageField.word(name, in: path),
                version: try PackageField.word(fields["V"] ?? "", in: path),
                architecture: try fields["A"].map { try PackageField.word($0, in: path) })
            let origin = try fields["o"].map { try PackageField.word($0, in: path) }
            if origin != package.name { package.source = origin }
            package.licence = fields["L"].flatMap(PackageField.phrase)
            packages.append(package)
        }
        for line in PackageField.lines(bytes) {
            if line.isEmpty {
                try finish()
            } else if let letter = line.first, "PVAoL".contains(letter), line.dropFirst().first == ":" {
                fields[letter] = line.dropFirst(2)
            }
        }
        try finish()
        return packages
    }

    func forEachOwnedFile(_ body: (String) -> Void) throws {
        guard let (_, bytes) = try content() else { return }
        var directory = Substring()
        for line in PackageField.lines(bytes) {
            if line.hasPrefix("F:") { directory = line.dropFirst(2) }
            if line.hasPrefix("R:") { body("\(directory)/\(line.dropFirst(2))") }
        }
    }
}
