package import ImageFormat

/// The packages of a tree, from the databases that its own package managers keep in it.
package enum PackageScan {
    /// Runs the host's `rpm` with arguments and returns what it printed; nil where this host has none.
    package typealias RunRPM = ([String]) throws -> [UInt8]?

    /// Of a complete tree and the list of it: before a layer's files are taken out.
    ///
    /// What another package brought is not named twice: a Python distribution in a Debian package is a Debian package.
    package static func packages(
        of tree: String, entries: some Sequence<FileEntry>, rpm: @escaping RunRPM
    ) throws -> PackageList {
        let files = TreeFiles(root: tree)
        var distributions = PythonDistributions()
        for entry in entries { distributions.inspect(entry) }
        var packages: [InstalledPackage] = []
        for database: any PackageDatabase in [
            DebianDatabase(files: files), AlpineDatabase(files: files), RPMDatabase(files: files, rpm: rpm),
        ] {
            packages += try database.packages()
            guard !distributions.isEmpty else { continue }
            try database.forEachOwnedFile { distributions.remove($0) }
        }
        packages += try distributions.packages(files)
        return PackageList(distribution: try OSRelease.identifier(tree), packages: Array(Set(packages)))
    }
}

/// What a package manager keeps in the tree that it manages.
protocol PackageDatabase {
    /// None where there is no such database.
    func packages() throws -> [InstalledPackage]
    /// Paths relative to the root, of files that may describe a Python distribution; others need not be named.
    func forEachOwnedFile(_ body: (String) -> Void) throws
}

/// What databases say, kept within bounds.
enum PackageField {
    /// Of one database. Those of large desktop systems have a tenth of it.
    static let databaseLimit = 1 << 26

    /// A name, version or architecture: printable ASCII without spaces, as every package manager has it.
    static func word(_ text: some StringProtocol, in path: String) throws -> String {
        guard !text.isEmpty, text.utf8.count <= 256, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw ImageTreeError(
                .unreadableDatabase,
                "/\(path): '\(TreeName.escaped(Array(text.utf8.prefix(100))))' is no name, version or architecture "
                    + "of a package: see what wrote it")
        }
        return String(text)
    }

    /// What is for people: one line, cut where it is endless; nil where nothing is left.
    static func phrase(_ text: some StringProtocol) -> String? {
        let line = text.prefix { !$0.isNewline }.filter { !$0.unicodeScalars.contains { $0.value < 0x20 } }.prefix(200)
        let trimmed = String(line.drop { $0 == " " })
        return trimmed.isEmpty || trimmed == "UNKNOWN" ? nil : trimmed
    }

    /// The lines of a text that is UTF-8, or nearly: what is not is shown as such.
    static func lines(_ bytes: [UInt8]) -> some Sequence<Substring> {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).lazy.map {
            Substring(decoding: $0, as: UTF8.self)
        }
    }
}
