package import GridModel
import Linux
package import Trust

extension Drafting {
    /// Which keys leave and enter a role. A key that leaves may be named as its holder is in the metadata, or by its id.
    package struct Rotation {
        let old: [String]
        let new: [TUF.NamedKey]
        let threshold: Int?

        package init(old: [String], new: [TUF.NamedKey], threshold: Int?) {
            self.old = old
            self.new = new
            self.threshold = threshold
        }

        func apply(to keys: TUF.RoleKeys, of role: String) throws -> TUF.RoleKeys {
            var rest = keys.keys
            for name in old {
                let found = rest.filter { $0.name == name || (name.utf8.count >= 8 && $0.id.hasPrefix(name)) }
                guard found.count == 1 else {
                    let known = rest.map { "\($0.name) (\($0.id.prefix(12)))" }.joined(separator: ", ")
                    throw DistributionError(
                        .unknownReference,
                        "\(found.count) keys of the role '\(role)' are named '\(name)'; its keys are \(known)")
                }
                rest.removeAll { $0.id == found[0].id }
            }
            return try TUF.RoleKeys(rest + new, threshold: threshold ?? keys.threshold)
        }
    }

    /// Changes who signs for a role. Old and new keys sign what must be believed before and after.
    package func rotate(_ role: String, _ rotation: Rotation) throws -> [Made] {
        guard ["root", "targets", "timestamp", "snapshot"].contains(role) else {
            let keys = try TUF.RoleKeys(try published.delegation(role).signers)
            return try addExperiment(role, endorsers: try rotation.apply(to: keys, of: role), replacing: true)
        }
        var root = try nextRoot()
        switch role {
        case "root": root.root = try rotation.apply(to: root.root, of: role)
        case "targets": root.targets = try rotation.apply(to: root.targets, of: role)
        case "timestamp": root.timestamp = try rotation.apply(to: root.timestamp, of: role)
        default: root.snapshot = try rotation.apply(to: root.snapshot, of: role)
        }
        let made = try save(root, signers: Array(published.root.root.keys.keys) + root.root.ids)
        guard role == "targets" else { return [made] }
        return [made, try saveTargets(try next("targets"), alsoBy: root.targets.ids)]
    }
}

// MARK: - The same for longer

extension Drafting {
    /// What a role says already, until later.
    package func renew(_ role: String) throws -> Made {
        switch role {
        case "root": return try save(try nextRoot(), signers: Array(published.root.root.keys.keys))
        case "targets": return try saveTargets(try next(role))
        default:
            return try save(try next(role), signers: Array(try published.delegation(role).signers.keys.keys))
        }
    }

    /// The first drafts of a catalogue that is not there yet.
    package static func begin(
        _ catalogue: Catalogue, keys: KeyRing, offline: TUF.RoleKeys, online: TUF.NamedKey, expires: Timestamp,
        signs: Bool
    ) throws -> [Made] {
        let paths = [catalogue.draftPath("root", version: 1), catalogue.draftPath("targets", version: 1)]
        if let there = paths.first(where: Files.exists) {
            throw DistributionError(
                .refused,
                "\(there) is there: this catalogue was begun; publish its drafts, or remove them to begin again")
        }
        let root = TUF.NewRoot(expires: expires, offline: offline, online: try TUF.RoleKeys([online], threshold: 1))
        let targets = TUF.NewTargets(role: "targets", version: 1, expires: expires)
        var made: [Made] = []
        try Files.makeDirectories(catalogue.drafts)
        for (path, content) in zip(paths, [root, targets] as [any TUF.DraftContent]) {
            var draft = try TUF.Draft(content, signers: offline.ids, source: path)
            if signs { try keys.sign(&draft, with: try keys.held(offline.ids)) }
            try Files.write(try draft.encoded(), to: path)
            made.append(Made(draft, at: path))
        }
        return made
    }
}
