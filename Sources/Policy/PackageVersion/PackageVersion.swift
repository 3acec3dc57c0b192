/// Versions of packages as the ecosystem they come from compares them.
package enum PackageVersion {
    /// `unknown` where the ecosystem's order is not known here, or a version is none of it.
    package static func isBelow(_ version: String, _ bound: String, in ecosystem: Ecosystem) -> PackagePattern.Verdict {
        switch ecosystem {
        case .deb:
            guard let found = debian(version), let bound = debian(bound) else { return .unknown }
            let isBelow = bound.hasEpoch ? found < bound : found.orderWithoutEpoch(bound) < 0
            return isBelow ? .yes : .no
        case .pypi:
            guard let found = python(version), let bound = python(bound) else { return .unknown }
            return found < bound ? .yes : .no
        case .apk, .rpm: return version == bound ? .no : .unknown
        }
    }

    /// Whether a package of `version` is meant by `wanted`: see `PackagePattern`.
    package static func isSame(_ version: String, as wanted: String, in ecosystem: Ecosystem) -> PackagePattern.Verdict
    {
        if version == wanted { return .yes }
        switch ecosystem {
        case .deb:
            guard let found = debian(version) else { return .unknown }
            // A version that is none of Debian's is some other ecosystem's.
            guard let wanted = debian(wanted) else { return .no }
            return isSame(found, as: wanted) ? .yes : .no
        case .pypi:
            guard let found = python(version) else { return .unknown }
            guard let wanted = python(wanted) else { return .no }
            return (wanted.hasLocal ? found == wanted : found.isSamePublicVersion(as: wanted)) ? .yes : .no
        case .apk, .rpm:
            let upstream = version[..<(version.lastIndex(of: "-") ?? version.endIndex)]
            // RPM writes an epoch as Debian does.
            let withoutEpoch = upstream.firstIndex(of: ":").map { upstream[upstream.index(after: $0)...] } ?? upstream
            return upstream == wanted || withoutEpoch == wanted ? .yes : .no
        }
    }

    static func isValid(_ version: String, in ecosystem: Ecosystem) -> Bool {
        switch ecosystem {
        case .deb: debian(version) != nil
        case .pypi: python(version) != nil
        case .apk, .rpm:
            (1...DebianVersion.longest).contains(version.utf8.count)
                && version.utf8.allSatisfy { DebianVersion.isAlphanumeric($0) || "._+-:~^".utf8.contains($0) }
        }
    }

    private static func isSame(_ found: DebianVersion, as wanted: DebianVersion) -> Bool {
        if found == wanted || found.withoutRebuild == wanted.description { return true }
        guard wanted.revision.isEmpty, !wanted.hasEpoch || wanted.epoch == found.epoch else { return false }
        guard let origin = debian(found.origin), let upstream = debian(wanted.upstream) else { return false }
        return found.upstream == wanted.upstream || origin == upstream
    }

    private static func debian(_ text: String) -> DebianVersion? {
        do { return try DebianVersion(parsing: text) } catch { return nil }
    }

    private static func python(_ text: String) -> PythonVersion? {
        do { return try PythonVersion(parsing: text) } catch { return nil }
    }
}
