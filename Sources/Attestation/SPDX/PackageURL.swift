import GridModel
package import ImageFormat

/// A package URL (ECMA-427, "Package-URL Specification", clause 5) in its canonical form.
package struct PackageURL: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Of what is installed in a system of this `distribution`.
    package init(_ package: InstalledPackage, distribution: String) {
        var version = package.version
        var qualifiers: [(String, String)] = []
        if let architecture = package.architecture, !architecture.isEmpty { qualifiers.append(("arch", architecture)) }
        switch package.type {
        case .deb, .apk:
            self.init(package.type, [distribution.lowercased(), package.name.lowercased()], version, qualifiers)
        case .rpm:
            // The epoch is a qualifier there (purl-spec, types/rpm-definition.json).
            if let colon = version.firstIndex(of: ":") {
                qualifiers.append(("epoch", String(version[..<colon])))
                version = String(version[version.index(after: colon)...])
            }
            self.init(.rpm, [distribution.lowercased(), package.name], version, qualifiers)
        case .pypi: self.init(.pypi, [PythonName.normalised(package.name)], version, [])
        }
    }

    /// Of a package of the Debian archive, or of a distribution that is made like it.
    package init(_ package: Lock.Package, distribution: String = "debian") {
        let installed = InstalledPackage(
            type: .deb, name: package.name, version: package.version, architecture: package.architecture)
        self.init(installed, distribution: distribution)
    }

    /// Of what a wheel installs.
    package init(_ wheel: Lock.Wheel) {
        self.init(.pypi, [PythonName.normalised(wheel.name)], wheel.version, [])
    }

    /// Of the wheel itself.
    package init(file wheel: Lock.Wheel) {
        self.init(.pypi, [PythonName.normalised(wheel.name)], wheel.version, [("file_name", wheel.file)])
    }

    /// Qualifiers must come sorted.
    private init(
        _ type: InstalledPackage.Kind, _ path: [String], _ version: String, _ qualifiers: [(String, String)]
    ) {
        var text = "pkg:\(type.rawValue)/" + path.map(Self.encoded).joined(separator: "/")
        if !version.isEmpty { text += "@\(Self.encoded(version))" }
        if !qualifiers.isEmpty { text += "?" + qualifiers.map { "\($0)=\(Self.encoded($1))" }.joined(separator: "&") }
        description = text
    }

    /// Percent-encoded but for letters, digits and `.-_~:` (clause 5.4).
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isPlain[Int(byte)] {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let isPlain: [Bool] = (0..<256).map {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
            || Array(".-_~:".utf8).contains(UInt8($0))
    }
}
