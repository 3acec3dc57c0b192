package import GridModel

/// Which of several images of one environment, or several kernels of one name, is to run.
package struct Choice: Codable, Equatable, Sendable {
    package struct PassedOver: Codable, Equatable, Sendable {
        package let decision: Decision
        /// In one line.
        package let because: String
    }

    /// Nil where none may run.
    package let chosen: Decision?
    /// The others, the newest first.
    package let passedOver: [PassedOver]
    /// Why none was chosen though one may run; nil otherwise.
    package let refusal: Decision.Reason?
}

extension SiteRules {
    /// The newest that is accepted. Where the newest is refused and the site wants no older one in its place, none: but for
    /// those that nobody here answers for or whose endorsers took them back, which are not taken for the newest.
    package func choose(among candidates: [ArtifactFacts], at now: Timestamp) -> Choice {
        let sorted = candidates.sorted(by: Self.isNewer)
        let decisions = sorted.map { decide($0, at: now) }
        var chosen = decisions.firstIndex { $0.isAccepted }
        var refusal: Decision.Reason?
        if newestRefused == .refuse,
            let newest = decisions.indices.first(where: { decisions[$0].isAccepted || sorted[$0].isOffered(by: self) }),
            let older = chosen, newest < older
        {
            chosen = nil
            let file = lists.first { $0.newestRefused == .refuse }?.file ?? ""
            refusal = Decision.Reason(
                message: "the newest of \(sorted[newest].name), \(sorted[newest].digest.short), is refused, and "
                    + "'newest-refused: refuse' in \(file) wants no older one in its place",
                remedy:
                    "mend what refuses the newest (\(decisions[newest].refusal)), or set 'newest-refused: last-valid'")
        }
        let passedOver = decisions.indices.filter { $0 != chosen }.map { index -> Choice.PassedOver in
            let decision = decisions[index]
            let because =
                if !decision.isAccepted { "refused: \(decision.refusal)" } else if chosen == nil {
                    "it is older than one that is refused"
                } else { "it is older" }
            return Choice.PassedOver(decision: decision, because: because)
        }
        return Choice(chosen: chosen.map { decisions[$0] }, passedOver: passedOver, refusal: refusal)
    }

    /// By when they were endorsed, else made; by digest where that is the same, so that every host chooses alike.
    static func isNewer(_ one: ArtifactFacts, _ other: ArtifactFacts) -> Bool {
        one.moment != other.moment ? one.moment > other.moment : one.digest < other.digest
    }
}

extension ArtifactFacts {
    /// Whether somebody here answers for it, or did until times ran out or a rule said no.
    fileprivate func isOffered(by rules: SiteRules) -> Bool {
        let isOwn = isBuiltHere || rules.home.approval(of: digest) != nil
        return isOwn && rules.ownImages == .allow || rules.system.approval(of: digest) != nil
            || endorsements.contains {
                $0.isFor(self) && $0.fault?.kind != .withdrawn && ($0.fault == nil || $0.name != nil)
            }
    }
}
