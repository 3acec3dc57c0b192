/// Something that an image must not hold.
package struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// Absolute in the image.
    package let path: String
    package let what: String
    /// What to do about it.
    package let remedy: String

    package init(path: String, what: String, remedy: String) {
        self.path = path
        self.what = what
        self.remedy = remedy
    }

    package var description: String { "\(path): \(what): \(remedy)" }
}

/// What a recipe allows in its image. Paths are absolute; `/usr/share/tests/**` covers all below a directory.
package struct Exemptions: Codable, Hashable, Sendable {
    /// Files with a set-user-ID or set-group-ID bit.
    package var setUserID: Set<String>
    /// Files with capabilities.
    package var capabilities: Set<String>
    /// Keys and tokens that are none: what tests and documentation ship.
    package var secrets: Set<String>

    package init(setUserID: Set<String> = [], capabilities: Set<String> = [], secrets: Set<String> = []) {
        self.setUserID = setUserID
        self.capabilities = capabilities
        self.secrets = secrets
    }

    /// True where `list` names the path, or a directory that it lies in.
    static func covers(_ list: Set<String>, _ path: String) -> Bool {
        if list.isEmpty { return false }
        if list.contains(path) { return true }
        var directory = path[...]
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            if list.contains("\(directory)/**") { return true }
        }
        return false
    }
}
