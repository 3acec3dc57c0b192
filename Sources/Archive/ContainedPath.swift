/// A relative name that stays inside the directory it is resolved in: no `..`, no control characters, no component that
/// a file system could not hold. Empty components and `.` are dropped; none left means the directory itself.
struct ContainedPath {
    static let componentLimit = 255

    let components: [String]

    /// Throws `refused` with the rule as message.
    init(_ name: String) throws {
        if name.isEmpty { throw ArchiveError(.refused, "the name is empty") }
        if name.utf8.first == UInt8(ascii: "/") { throw ArchiveError(.refused, "the name is absolute") }
        if name.unicodeScalars.contains(where: \.isControl) {
            throw ArchiveError(.refused, "the name holds control characters")
        }
        components = Self.steps(of: name)
        for component in components {
            if component == ".." { throw ArchiveError(.refused, "the name holds a '..' component") }
            if component.utf8.count > Self.componentLimit {
                throw ArchiveError(.refused, "a component of the name is longer than \(Self.componentLimit) bytes")
            }
        }
    }

    private static func steps(of path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }.filter { $0 != "." }
    }

    var text: String { components.isEmpty ? "." : components.joined(separator: "/") }
    /// Byte for byte: `String` takes canonically equivalent names for one, a file system does not.
    var key: [UInt8] { Array(text.utf8) }

    /// Refuses what could lead out of the directory that holds `self` when `self` is a symbolic link to `target`.
    ///
    /// `..` may only lead: after another component, which may be a link itself, it would not be what it looks like
    /// (`a -> ..` and `b -> a/..` look harmless one by one).
    func checkLinkTarget(_ target: String) throws {
        func refused(_ reason: String) -> ArchiveError {
            ArchiveError(.refused, "the symbolic link's target \(reason)")
        }
        if target.isEmpty { throw refused("is empty") }
        if target.utf8.first == UInt8(ascii: "/") { throw refused("is absolute") }
        if target.unicodeScalars.contains(where: \.isControl) { throw refused("holds control characters") }
        let steps = Self.steps(of: target)
        let ascents = steps.prefix { $0 == ".." }.count
        if ascents >= components.count && ascents > 0 { throw refused("leads out of the directory") }
        if steps.dropFirst(ascents).contains("..") { throw refused("holds '..' after another component") }
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1: what a terminal would obey instead of show.
    var isControl: Bool { properties.generalCategory == .control }
}

/// A name from an archive as it may be shown: shortened, and without control characters.
func printable(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars.prefix(200) {
        text += scalar.isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return name.unicodeScalars.count > 200 ? text + "..." : text
}
