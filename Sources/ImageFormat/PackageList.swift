import StrictJSON

/// The packages of an image as its own databases tell them: a blob of the manifest, from which bans and advisories are
/// decided.
package struct PackageList: Codable, Hashable, Sendable {
    package static let formatVersion = 1

    package var version = PackageList.formatVersion
    /// The system's `ID` of os-release: `debian`, `almalinux`.
    package var distribution: String
    /// Sorted by type, name, version.
    package var packages: [InstalledPackage]

    package init(distribution: String, packages: [InstalledPackage]) {
        self.distribution = distribution
        self.packages = packages.sorted()
    }

    private struct Version: Decodable { var version: Int }

    /// `source` says in messages where the bytes came from.
    package init(decoding bytes: [UInt8], source: String) throws {
        let found = try StrictJSON.decode(Version.self, from: bytes, source: source).version
        guard found == Self.formatVersion else {
            throw ImageFormatError(
                .newerFormat,
                "\(source): this list of packages has version \(found), this program knows \(Self.formatVersion); "
                    + "upgrade sojourn")
        }
        self = try StrictJSON.decode(PackageList.self, from: bytes, source: source)
    }

    package func encoded() throws -> [UInt8] { try StrictJSON.encode(self, pretty: false) }
}

/// One installed package.
package struct InstalledPackage: Codable, Hashable, Sendable, Comparable {
    /// The types of package URLs (purl-spec, PURL-TYPES).
    package enum Kind: String, Codable, Sendable { case apk, deb, pypi, rpm }

    package var type: Kind
    package var name: String
    package var version: String
    package var architecture: String?
    /// The source package that it was built from, where that has another name.
    package var source: String?
    /// As the package itself says.
    package var licence: String?

    package init(type: Kind, name: String, version: String, architecture: String? = nil) {
        self.type = type
        self.name = name
        self.version = version
        self.architecture = architecture
    }

    package static func < (left: InstalledPackage, right: InstalledPackage) -> Bool {
        left.order.lexicographicallyPrecedes(right.order)
    }

    /// All of it, so that a list has one order only.
    private var order: [String] { [type.rawValue, name, version, architecture ?? "", source ?? "", licence ?? ""] }
}
