package import GridModel

/// Word of a fault in a package: what mends it, and when it must be mended here.
package struct Advisory: Codable, Equatable, Sendable {
    package enum Severity: String, Codable, Sendable, CaseIterable { case low, medium, high, critical }

    package var id: String
    /// The package's name, or its source's.
    package var package: String
    package var ecosystem: Ecosystem
    /// The first version without the fault.
    package var fixed: String
    package var severity: Severity?
    /// From then on it bans what is affected; nil: never.
    package var deadline: Timestamp?
    package var summary: String?
    /// The file it was read from.
    package var source: String

    package init(
        id: String, package: String, ecosystem: Ecosystem = .deb, fixed: String, severity: Severity? = nil,
        deadline: Timestamp? = nil, summary: String? = nil, source: String = ""
    ) throws {
        // Both are looked at here, so that nothing later has to.
        _ = try PackagePattern(name: package, constraint: .below(fixed))
        guard PackageVersion.isValid(fixed, in: ecosystem) else {
            throw PolicyError(.invalidVersion, "'\(fixed)' is no version of a package of \(ecosystem.rawValue)")
        }
        self.id = id
        self.package = package
        self.ecosystem = ecosystem
        self.fixed = fixed
        self.severity = severity
        self.deadline = deadline
        self.summary = summary
        self.source = source
    }

    /// The packages that have the fault, or may have it; nil where the artifact has no list, and may have any.
    package func affectedPackages(of artifact: ArtifactFacts) -> [PackageFact]? {
        artifact.packages?.filter { isAffected($0) }
    }

    package func affects(_ artifact: ArtifactFacts) -> Bool { affectedPackages(of: artifact)?.isEmpty != true }

    private func isAffected(_ found: PackageFact) -> Bool {
        guard found.ecosystem == ecosystem, found.isNamed(package) else { return false }
        return PackageVersion.isBelow(found.version, fixed, in: ecosystem) != .no
    }

    /// In a message: `DSA-5649-1 (critical)`.
    package var title: String { id + (severity.map { " (\($0.rawValue))" } ?? "") }

    package func isInForce(at now: Timestamp) -> Bool { deadline.map { now >= $0 } ?? false }
}
