import ImageFormat

/// rpm's, whose form is rpm's own affair: the host's `rpm` reads it.
struct RPMDatabase: PackageDatabase {
    let files: TreeFiles
    let rpm: PackageScan.RunRPM
    private static let directories = ["usr/lib/sysimage/rpm", "var/lib/rpm"]
    /// SQLite, Berkeley DB and NDB.
    private static let names: Set<String> = ["rpmdb.sqlite", "Packages", "Packages.db"]

    func packages() throws -> [InstalledPackage] {
        let format = "%{NAME}\\t%{EPOCH}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\t%{LICENSE}\\n"
        return try query(format) { path, line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count >= 6 else {
                throw ImageTreeError(
                    .unreadableDatabase, "/\(path): rpm printed '\(line.prefix(200))' where a package was expected")
            }
            // The key that a package was checked with, kept as if it were one.
            if fields[0] == "gpg-pubkey" { return nil }
            let version = fields[1] == "(none)" ? String(fields[2]) : "\(fields[1]):\(fields[2])"
            var package = InstalledPackage(
                type: .rpm, name: try PackageField.word(fields[0], in: path),
                version: try PackageField.word(version, in: path),
                architecture: try PackageField.word(fields[3], in: path))
            let source = try Self.name(ofSource: fields[4], path)
            if source != package.name { package.source = source }
            package.licence = PackageField.phrase(fields[5])
            return package
        }
    }

    func forEachOwnedFile(_ body: (String) -> Void) throws {
        _ = try query("[%{FILENAMES}\\n]") { _, line -> Never? in
            if PythonDistributions.mayDescribe(Array(line.utf8)[...]) { body(String(line.dropFirst())) }
            return nil
        }
    }

    /// `bash` of `bash-5.1.8-9.el9.src.rpm`.
    private static func name(ofSource file: Substring, _ path: String) throws -> String? {
        let parts = file.split(separator: "-")
        guard file.hasSuffix(".rpm"), parts.count >= 3 else { return nil }
        return try PackageField.word(parts.dropLast(2).joined(separator: "-"), in: path)
    }

    private func query<Result>(_ format: String, _ body: (String, Substring) throws -> Result?) throws -> [Result] {
        guard let (path, place) = try database() else { return [] }
        guard let output = try rpm(["--dbpath", place, "-qa", "--queryformat", format]) else {
            throw ImageTreeError(
                .missingTool,
                "the tree has a database of rpm in /\(path), and this host has no program rpm to read it: install "
                    + "Debian's package rpm")
        }
        return try PackageField.lines(output).compactMap { $0.isEmpty ? nil : try body(path, $0) }
    }

    private func database() throws -> (path: String, place: String)? {
        for path in Self.directories {
            guard try files.names(in: path).contains(where: Self.names.contains), let place = try files.resolve(path)
            else { continue }
            return (path, place)
        }
        return nil
    }
}
