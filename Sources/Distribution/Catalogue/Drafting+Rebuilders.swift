package import Trust

extension Drafting {
    /// Lists a key whose rebuilds count, for all experiments.
    package func addRebuilder(_ key: TUF.NamedKey) throws -> Made {
        var targets = try next("targets")
        if let taken = targets.rebuilders.first(where: { $0.id == key.id || $0.name == key.name }) {
            throw DistributionError(
                .refused,
                "there is a rebuilder \(taken.name) (\(taken.id.prefix(12))) already; take that one out first: sojourn catalogue "
                    + "remove-rebuilder \(taken.name) --catalogue \(catalogue.directory)")
        }
        let endorsing = published.targets?.delegations.filter { $0.signers.identities.contains(key.key.der) } ?? []
        guard endorsing.isEmpty else {
            throw DistributionError(
                .refused,
                "\(key.name) endorses for \(endorsing.map(\.name).joined(separator: ", ")): nobody confirms himself; list a key "
                    + "of somebody else")
        }
        targets.rebuilders.append(key)
        return try saveTargets(targets)
    }

    /// Takes a rebuilder out, by name or by at least 8 digits of the key's id. What it stated stays, and counts no more.
    package func removeRebuilder(_ name: String) throws -> Made {
        var targets = try next("targets")
        let found = targets.rebuilders.filter { $0.name == name || (name.utf8.count >= 8 && $0.id.hasPrefix(name)) }
        guard found.count == 1 else {
            let known = targets.rebuilders.map { "\($0.name) (\($0.id.prefix(12)))" }.joined(separator: ", ")
            throw DistributionError(
                .unknownReference,
                "\(found.count) rebuilders are called '\(name)'; there are: \(known.isEmpty ? "none" : known)")
        }
        targets.rebuilders.removeAll { $0.id == found[0].id }
        return try saveTargets(targets)
    }
}
