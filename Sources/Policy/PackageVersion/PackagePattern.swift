import GridModel

/// Where packages come from, and so how their versions are ordered: the types of package URLs (purl-spec, PURL-TYPES).
package enum Ecosystem: String, Codable, Sendable, CaseIterable { case apk, deb, pypi, rpm }

/// One package of an image.
package struct PackageFact: Codable, Hashable, Sendable, CustomStringConvertible {
    package var name: String
    package var version: String
    package var ecosystem: Ecosystem
    /// The source package that it was built from, where that has another name.
    package var source: String?

    package init(name: String, version: String, ecosystem: Ecosystem = .deb, source: String? = nil) {
        self.name = name
        self.version = version
        self.ecosystem = ecosystem
        self.source = source
    }

    package var description: String {
        "\(name) \(version)\(ecosystem == .deb ? "" : " (\(ecosystem.rawValue))")\(source.map { ", built from \($0)" } ?? "")"
    }

    /// A package is meant by its own name and by that of its source: security trackers name sources. Python's names are
    /// compared as its index does (PEP 503).
    func isNamed(_ wanted: String) -> Bool {
        guard ecosystem == .pypi else { return name == wanted || source == wanted }
        return Self.normalised(name) == Self.normalised(wanted)
    }

    private static func normalised(_ name: String) -> String {
        name.lowercased().split { "-_.".contains($0) }.joined(separator: "-")
    }
}

/// `NAME`, `NAME VERSION` or `NAME <VERSION`: packages that a rule means.
///
/// A version means
/// * of Debian's packages: exactly that one, its binary rebuilds (`+b1`), and where it has no Debian revision, every
///   packaging of that upstream version: `5.6.0` means `5.6.0-0.2` and `5.6.0+dfsg-1`; `5.6.1` does not mean
///   `5.6.1+really5.4.5-1`, which is 5.4.5;
/// * of Python's packages: the same version by PEP 440, with any local part unless it names one;
/// * of others: exactly that text, or that text before the last `-`.
///
/// `<VERSION` means all before it in the order of Debian or of PEP 440; a bound without epoch is compared without the
/// package's epoch. Where versions cannot be compared, `meets` is `unknown`.
package struct PackagePattern: TextualValue {
    package enum Constraint: Hashable, Sendable {
        case any
        case exactly(String)
        case below(String)
    }

    package enum Verdict: Sendable { case yes, no, unknown }

    package let name: String
    package let constraint: Constraint

    package init(name: String, constraint: Constraint) throws {
        guard Self.isName(name) else {
            throw PolicyError(
                .invalidSubject,
                "'\(name.prefix(80))' is no name of a package: expected letters, digits and ._+-, at most 128")
        }
        switch constraint {
        case .any: break
        case .exactly(let version), .below(let version):
            guard Ecosystem.allCases.contains(where: { PackageVersion.isValid(version, in: $0) }) else {
                throw PolicyError(
                    .invalidVersion,
                    "'\(version.prefix(80))' is no version of a package; expected for example 5.6.0 or <5.6.2-1")
            }
        }
        self.name = name
        self.constraint = constraint
    }

    package init(parsing text: String) throws {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        switch words.count {
        case 1: try self.init(name: words[0], constraint: .any)
        case 2 where words[1].hasPrefix("<"):
            try self.init(name: words[0], constraint: .below(String(words[1].dropFirst())))
        case 2: try self.init(name: words[0], constraint: .exactly(words[1]))
        default:
            throw PolicyError(
                .invalidSubject,
                "'\(text.prefix(100))' names no package: expected NAME, 'NAME VERSION' or 'NAME <VERSION', one space between"
            )
        }
    }

    package var description: String {
        switch constraint {
        case .any: name
        case .exactly(let version): "\(name) \(version)"
        case .below(let version): "\(name) <\(version)"
        }
    }

    package func meets(_ package: PackageFact) -> Verdict {
        guard package.isNamed(name) else { return .no }
        switch constraint {
        case .any: return .yes
        case .exactly(let version): return PackageVersion.isSame(package.version, as: version, in: package.ecosystem)
        case .below(let version): return PackageVersion.isBelow(package.version, version, in: package.ecosystem)
        }
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return isAlphanumeric(first) && text.utf8.allSatisfy { isAlphanumeric($0) || "._+-".utf8.contains($0) }
    }
}
