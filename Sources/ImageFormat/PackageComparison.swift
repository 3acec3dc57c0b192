/// What differs between the packages of two images.
package enum PackageComparison {
    /// One package by type, name and architecture. It may be there in several versions, as Python packages of different
    /// directories are.
    package struct Change: Codable, Hashable, Sendable {
        package enum Kind: String, Codable, Sendable { case added, removed, changed }

        package let kind: Kind
        package let type: InstalledPackage.Kind
        package let name: String
        package let architecture: String?
        /// Versions, sorted.
        package let before: [String]
        package let after: [String]
    }

    /// Sorted by type, name and architecture.
    package static func changes(from old: PackageList, to new: PackageList) -> [Change] {
        let (before, after) = (versions(old), versions(new))
        return Set(before.keys).union(after.keys).sorted().compactMap { key in
            let (earlier, later) = (before[key] ?? [], after[key] ?? [])
            guard earlier != later else { return nil }
            let kind: Change.Kind = earlier.isEmpty ? .added : later.isEmpty ? .removed : .changed
            return Change(
                kind: kind, type: key.type, name: key.name, architecture: key.architecture, before: earlier,
                after: later)
        }
    }

    private struct Key: Hashable, Comparable {
        let type: InstalledPackage.Kind
        let name: String
        let architecture: String?

        static func < (left: Key, right: Key) -> Bool {
            (left.type.rawValue, left.name, left.architecture ?? "")
                < (right.type.rawValue, right.name, right.architecture ?? "")
        }
    }

    private static func versions(_ list: PackageList) -> [Key: [String]] {
        Dictionary(grouping: list.packages) { Key(type: $0.type, name: $0.name, architecture: $0.architecture) }
            .mapValues { $0.map(\.version).sorted() }
    }
}
