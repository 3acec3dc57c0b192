import ImageFormat

/// Rights that a file gives to whoever finds it.
struct RightsCheck: Sendable {
    let isLowest: Bool
    let exemptions: Exemptions

    func findings(of entry: FileEntry) -> [Finding] {
        switch entry.kind {
        case .symbolicLink: []
        case .directory: directory(entry)
        case .characterDevice, .blockDevice: device(entry)
        case .file: setIDs(entry) + capabilities(entry) + writable(entry)
        case .fifo, .socket: writable(entry)
        }
    }

    private func setIDs(_ entry: FileEntry) -> [Finding] {
        let bits = entry.mode & 0o6000
        guard bits != 0, !Exemptions.covers(exemptions.setUserID, entry.absolutePath) else { return [] }
        let (name, flag) =
            switch bits {
            case 0o4000: ("set-user-ID", "u-s")
            case 0o2000: ("set-group-ID", "g-s")
            default: ("set-user-ID and set-group-ID", "ug-s")
            }
        return [
            Finding(
                path: entry.absolutePath, what: "a \(name) file that the recipe does not list",
                remedy: "add it to the recipe's 'permit: setUserID:', or take the bit away in a build script: "
                    + "chmod \(flag) \(entry.absolutePath)")
        ]
    }

    private func capabilities(_ entry: FileEntry) -> [Finding] {
        guard entry.attributes[AttributeFilter.capability] != nil,
            !Exemptions.covers(exemptions.capabilities, entry.absolutePath)
        else { return [] }
        return [
            Finding(
                path: entry.absolutePath, what: "a file with capabilities that the recipe does not list",
                remedy: "add it to the recipe's 'permit: capabilities:', or take them away in a build script: "
                    + "setcap -r \(entry.absolutePath)")
        ]
    }

    private func writable(_ entry: FileEntry) -> [Finding] {
        guard entry.mode & 0o002 != 0, Self.isOfTheSystem(entry.path) else { return [] }
        return [
            Finding(
                path: entry.absolutePath, what: "everybody may write to it",
                remedy: "chmod o-w \(entry.absolutePath) in a build script")
        ]
    }

    private func directory(_ entry: FileEntry) -> [Finding] {
        guard entry.mode & 0o1002 == 0o002, Self.isOfTheSystem(entry.path) else { return [] }
        return [
            Finding(
                path: entry.absolutePath,
                what: "a directory in which everybody may write and remove what others wrote (no sticky bit)",
                remedy: "chmod o-w \(entry.absolutePath), or chmod +t, in a build script")
        ]
    }

    private func device(_ entry: FileEntry) -> [Finding] {
        if entry.isWhiteout && !isLowest { return [] }
        return [
            Finding(
                path: entry.absolutePath, what: "a device node",
                remedy: "remove it in a build script: a machine makes its own in /dev")
        ]
    }

    /// Outside of the directories that are everybody's to write in; these themselves need their sticky bit.
    private static func isOfTheSystem(_ path: String) -> Bool {
        !["tmp/", "var/tmp/", "dev/", "run/"].contains { path.utf8.starts(with: $0.utf8) }
    }
}
