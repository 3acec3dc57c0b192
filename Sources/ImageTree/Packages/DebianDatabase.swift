import ImageFormat

/// dpkg's: `var/lib/dpkg/status`, or a file for each package in `status.d` where an image was made without dpkg.
struct DebianDatabase: PackageDatabase {
    let files: TreeFiles
    private static let directory = "var/lib/dpkg"

    func packages() throws -> [InstalledPackage] {
        var packages: [InstalledPackage] = []
        let single = "\(Self.directory)/status"
        if let content = try files.read(single, limit: PackageField.databaseLimit) {
            packages += try Self.packages(in: content, path: single)
        }
        // Checksums lie beside them.
        for name in try files.names(in: "\(Self.directory)/status.d") where !name.hasSuffix(".md5sums") {
            let path = "\(Self.directory)/status.d/\(name)"
            guard let content = try files.read(path, limit: 1 << 22) else { continue }
            packages += try Self.packages(in: content, path: path)
        }
        return packages
    }

    func forEachOwnedFile(_ body: (String) -> Void) throws {
        let directory = "\(Self.directory)/info"
        for name in try files.names(in: directory) where name.hasSuffix(".list") {
            guard let content = try files.read("\(directory)/\(name)", limit: PackageField.databaseLimit) else {
                continue
            }
            for line in content.split(separator: UInt8(ascii: "\n")) where PythonDistributions.mayDescribe(line) {
                body(String(decoding: line.dropFirst(), as: UTF8.self))
            }
        }
    }

    /// Stanzas of deb-control(5); without `Status`, as in `status.d`, a package counts as installed.
    static func packages(in content: [UInt8], path: String) throws -> [InstalledPackage] {
        var packages: [InstalledPackage] = []
        var fields: [String: Substring] = [:]
        let wanted: Set<Substring> = ["Package", "Version", "Architecture", "Source", "Status"]
        func finish() throws {
            defer { fields = [:] }
            guard let name = fields["Package"] else { return }
            // `want flag status`: what has only its settings left is not installed (dpkg(1)).
            if let status = fields["Status"], status.split(separator: " ").last.map({ $0 != "installed" }) ?? true {
                return
            }
            var package = InstalledPackage(
                type: .deb, name: try PackageField.word(name, in: path),
                version: try PackageField.word(fields["Version"] ?? "", in: path),
                architecture: try fields["Architecture"].map { try PackageField.word($0, in: path) })
            // `Source: glibc (2.36-9)`, where its version is another.
            if let source = fields["Source"]?.split(separator: " ").first {
                package.source = try PackageField.word(source, in: path)
            }
            packages.append(package)
        }
        for line in PackageField.lines(content) {
            if line.isEmpty {
                try finish()
            } else if line.first != " ", let colon = line.firstIndex(of: ":"), wanted.contains(line[..<colon]) {
                fields[String(line[..<colon])] = line[line.index(after: colon)...].drop { $0 == " " }
            }
        }
        try finish()
        return packages
    }
}
