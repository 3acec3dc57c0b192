import Linux

/// An extended attribute that images do not keep: an access control list, a user's own, a label of the building host.
package struct DroppedAttribute: Hashable, Sendable {
    package let name: String
    /// Of files that had it.
    package internal(set) var count: Int
    /// The first of them, absolute in the tree.
    package let example: String
    /// False where it is still there: only looked at, or kept by the kernel (a security module's label).
    package let removed: Bool
}

/// Keeps the capabilities of files and drops every other attribute.
struct AttributeFilter {
    static let capability = "security.capability"

    /// From the disk too.
    let removes: Bool
    private var counts: [String: DroppedAttribute] = [:]

    init(removes: Bool) { self.removes = removes }

    var dropped: [DroppedAttribute] { counts.values.sorted { $0.name < $1.name } }

    /// What is kept of the file at `place`.
    mutating func filter(_ place: String, path: String, isFile: Bool) throws -> [String: [UInt8]] {
        var kept: [String: [UInt8]] = [:]
        for name in try FileAttributes.extendedNames(of: place) {
            if name == Self.capability, isFile, let value = try FileAttributes.extended(name, of: place) {
                let canonical = try FileCapability.canonical(value, path: path)
                if removes && canonical != value { try FileAttributes.setExtended(name, of: place, to: canonical) }
                kept[name] = canonical
            } else {
                let removed = removes ? try FileAttributes.removeExtended(name, of: place) : false
                counts[name, default: DroppedAttribute(name: name, count: 0, example: "/\(path)", removed: removed)]
                    .count += 1
            }
        }
        return kept
    }
}

/// The value of `security.capability` (linux/capability.h, `struct vfs_cap_data`).
enum FileCapability {
    /// In revision 2: without the user namespace that revision 3 ties it to, which is the build's and no image's.
    static func canonical(_ value: [UInt8], path: String) throws -> [UInt8] {
        switch (value.count, value.last.map { _ in value[3] }) {
        case (20, 2): return value
        case (24, 3): return value[..<3] + [2] + value[4..<20]
        default:
            throw ImageTreeError(
                .unsuitableTree,
                "the capabilities of /\(path) have a form that is unknown (\(value.count) bytes): set them again with "
                    + "setcap")
        }
    }
}
