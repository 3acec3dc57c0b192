import Crypto
import GridModel
import ImageFormat

/// A package of an SPDX document (SPDX 2.3, clause 7, and its JSON schema).
struct SPDXPackage: Encodable {
    struct Checksum: Encodable {
        let algorithm = "SHA256"
        let checksumValue: String
    }

    struct ExternalReference: Encodable {
        let referenceCategory = "PACKAGE-MANAGER"
        let referenceType = "purl"
        let referenceLocator: String
    }

    enum Purpose: String, Encodable {
        case archive = "ARCHIVE"
        case container = "CONTAINER"
    }

    static let noAssertion = "NOASSERTION"

    let spdxID: String
    let name: String
    var versionInfo: String?
    private let supplier = noAssertion
    private let downloadLocation = noAssertion
    private let filesAnalyzed = false
    private var checksums: [Checksum]?
    private var externalRefs: [ExternalReference]?
    private let licenseConcluded = noAssertion
    private var licenseDeclared = noAssertion
    private var licenseComments: String?
    private let copyrightText = noAssertion
    var primaryPackagePurpose: Purpose?
    var sourceInfo: String?
    var comment: String?

    init(_ identifier: String, name: String, digest: GridModel.Digest?) {
        spdxID = identifier
        self.name = name
        checksums = digest.map { [Checksum(checksumValue: $0.hex)] }
    }

    /// An installed package; `digest` is that of the file that it came in.
    init(_ package: InstalledPackage, _ url: PackageURL, digest: GridModel.Digest?) {
        self.init(Self.identifier(package, url), name: package.name, digest: digest)
        versionInfo = package.version
        externalRefs = [ExternalReference(referenceLocator: url.description)]
        sourceInfo = package.source.map { "built from the source package \($0)" }
        declare(package.licence)
    }

    /// What it says itself; words that are no SPDX expression become a comment.
    mutating func declare(_ licence: String?) {
        guard let licence else { return }
        if let expression = LicenceExpression(licence) {
            licenseDeclared = expression.description
        } else {
            licenseComments = "declared as: \(licence)"
        }
    }

    /// Readable, of letters, digits, `.` and `-` alone (7.2), and another one for each URL.
    private static func identifier(_ package: InstalledPackage, _ url: PackageURL) -> String {
        let name = package.name.utf8.map { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == UInt8(ascii: ".")
                ? byte : UInt8(ascii: "-")
        }
        let hash = GridModel.Digest(bytes: SHA256.hash(data: Array(url.description.utf8))).hex.prefix(16)
        return "SPDXRef-\(package.type.rawValue)-\(String(decoding: name, as: UTF8.self))-\(hash)"
    }

    private enum CodingKeys: String, CodingKey {
        case spdxID = "SPDXID"
        case name, versionInfo, supplier, downloadLocation, filesAnalyzed, checksums, externalRefs
        case licenseConcluded, licenseDeclared, licenseComments, copyrightText
        case primaryPackagePurpose, sourceInfo, comment
    }
}
