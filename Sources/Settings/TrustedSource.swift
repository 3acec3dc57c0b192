package import GridModel
import StrictYAML

/// A catalogue that a site trusts.
package struct TrustedCatalogue: Codable, Equatable, Sendable {
    /// Of this site's choosing; a name of a directory too.
    package var name: String
    package var url: HTTPAddress
    /// Of the root metadata that trust begins with.
    package var root: Digest
    /// `FILE:LINE`.
    package var source: String

    package init(name: String, url: HTTPAddress, root: Digest, source: String = "") throws {
        self.name = try SourceName.checked(name)
        self.url = url
        self.root = root
        self.source = source
    }

    init(_ reader: inout YAMLReader) throws {
        name = try reader.required("name", example: "lhc", SourceName.checked)
        url = try reader.required("url", example: "http://images.example.org/catalogue", HTTPAddress.init(parsing:))
        root = try reader.required(
            "root", example: "sha256:… (64 digits, the sha256 of the first root.json)", Digest.init(parsing:))
        source = "\(reader.file):\(reader.line)"
    }
}

/// An image list of HEPiX that a site follows.
package struct TrustedImageList: Codable, Equatable, Sendable {
    package static let usualAuthorities = "/etc/grid-security/certificates"

    package var name: String
    package var url: HTTPAddress
    /// The list's own, `dc:identifier`.
    package var identifier: String
    /// A directory of certificates and revocation lists under hashed names.
    package var authorities: String
    /// Names of the only certificate whose lists are taken, `/DC=org/…`, and of its authority; nil where anybody's is whom
    /// an authority of `authorities` has certified.
    package var endorser: String?
    package var issuer: String?
    /// `FILE:LINE`.
    package var source: String

    package init(
        name: String, url: HTTPAddress, identifier: String, authorities: String = usualAuthorities,
        endorser: String? = nil, issuer: String? = nil, source: String = ""
    ) throws {
        self.name = try SourceName.checked(name)
        self.url = url
        self.identifier = try SourceName.identifier(identifier)
        self.authorities = try SourceName.directory(authorities)
        self.endorser = endorser
        self.issuer = issuer
        self.source = source
    }

    init(_ reader: inout YAMLReader) throws {
        name = try reader.required("name", example: "egi", SourceName.checked)
        url = try reader.required("url", example: "http://images.example.org/image.list", HTTPAddress.init(parsing:))
        identifier = try reader.required(
            "identifier", example: "76fdee70-8119-5d33-9f40-3c57e1c60df1", SourceName.identifier)
        authorities = try reader.parsed("authorities", SourceName.directory) ?? Self.usualAuthorities
        endorser = try reader.string("endorser")
        issuer = try reader.string("issuer")
        guard (endorser == nil) == (issuer == nil) else {
            throw reader.error(nil, "'endorser' and 'issuer' name one certificate together; give both")
        }
        source = "\(reader.file):\(reader.line)"
    }
}

/// Names that sites give to what they follow, and what belongs to these.
enum SourceName {
    /// A name of a file and a word in a message: no directory above, nothing hidden.
    static func checked(_ text: String) throws -> String {
        guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(isPart),
            text.utf8.first.map(isAlphanumeric) == true
        else {
            throw ConfigurationError(
                .invalid,
                "'\(text.prefix(80))' is no name of a catalogue or image list: expected letters, digits and ._-, at most 64, "
                    + "a letter or digit first")
        }
        return text
    }

    static func identifier(_ text: String) throws -> String {
        guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy({ isPart($0) || $0 == UInt8(ascii: ":") })
        else {
            throw ConfigurationError(
                .invalid,
                "'\(text.prefix(80))' is no identifier of an image list; copy its dc:identifier, which is a UUID")
        }
        return text
    }

    static func directory(_ text: String) throws -> String {
        guard text.hasPrefix("/"), text.utf8.count <= 1000 else {
            throw ConfigurationError(
                .invalid,
                "'\(text.prefix(80))' is no absolute path of a directory; write for example "
                    + TrustedImageList.usualAuthorities)
        }
        return text
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    private static func isPart(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "._-".utf8.contains(byte) }
}
