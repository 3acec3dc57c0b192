package import GridModel
package import Trust

/// Who has signed a draft, and who must before it can be published.
package struct DraftState: Encodable, Sendable {
    package let role: String
    package let version: Int64
    package let expires: Timestamp
    package let signed: [String]
    package let missing: [String]
    /// As many of those who have not signed must.
    package let needed: Int
    /// Enough have signed.
    package var isComplete: Bool { needed == 0 }

    /// Of drafts that are to be published together; `published` is nil for a catalogue's first.
    package static func of(_ drafts: [TUF.Draft], _ published: PublishedCatalogue?) throws -> [DraftState] {
        let next = try NextMetadata(published, drafts)
        return try drafts.map { draft in
            var signed: Set<String> = []
            var missing: Set<String> = []
            var needed = 0
            for (signers, _) in try next.signers(of: draft.role) {
                needed = max(needed, signers.threshold - (try draft.count(of: signers)))
                for key in signers.keys.values {
                    if draft.state(of: key) == .signed { signed.insert(key.shown) } else { missing.insert(key.shown) }
                }
            }
            return DraftState(
                role: draft.role, version: draft.version, expires: draft.expires, signed: signed.sorted(),
                missing: missing.subtracting(signed).sorted(), needed: needed)
        }
    }
}

extension TUF.Draft {
    /// What is signed with it, line by line. With `published`, what it changes.
    package func description(against published: PublishedCatalogue?) throws -> [String] {
        let head = "\(role), version \(version), expires \(expires)"
        switch role {
        case "root":
            let root = try metadata(TUF.Root.self).content
            return [head]
                + [
                    ("root", root.root), ("targets", root.targets), ("snapshot", root.snapshot),
                    ("timestamp", root.timestamp),
                ].map { Self.line($0.0, $0.1) }
        case "targets":
            let content = try metadata(TUF.Targets.self).content
            let old = published?.targets?.delegations ?? []
            let removed = old.filter { item in !content.delegations.contains { $0.name == item.name } }
            return [head]
                + content.delegations.map { delegation in
                    let required = delegation.requiredRebuilds
                    let more = required > 0 ? "; \(required) independent rebuilds" : ""
                    return Self.line("experiment \(delegation.name)", delegation.signers) + more
                } + (try content.rebuilders().map { "rebuilder \($0.name) (\($0.id.prefix(12)))" })
                + removed.map { "removed: experiment \($0.name)" }
        default: return [head] + (try entries(published))
        }
    }

    private static func line(_ what: String, _ signers: TUF.Signers) -> String {
        let names = signers.keys.values.map(\.shown).sorted().joined(separator: ", ")
        return "\(what): \(signers.threshold) of \(signers.keys.count): \(names)"
    }

    private func entries(_ published: PublishedCatalogue?) throws -> [String] {
        let content = try metadata(TUF.Targets.self).content
        let all = try content.endorsements(source: source)
        let withdrawals = try content.withdrawals()
        let total = "in all \(all.count) endorsed, \(withdrawals.count) withdrawn"
        // Without the catalogue the draft's own word must do.
        let old = try published?.trusted.targets[role]?.content.endorsements(source: role)
        let new = all.values.filter { entry in old.map { $0[entry.path] != entry } ?? (entry.version == version) }
        let lines = new.sorted { $0.path < $1.path }.map {
            "endorse \($0.name.description) \($0.digest) until \($0.until)"
        }
        let known = Set(try published?.trusted.targets[role]?.content.withdrawals() ?? [])
        let gone = withdrawals.filter { !known.contains($0) && (published != nil || $0 == withdrawals.last) }.map {
            "withdraw \($0.name.description) \($0.digest) (\($0.withdrawn)): \($0.because)"
        }
        return lines + gone + [total]
    }
}
