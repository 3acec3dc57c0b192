package import GridModel

extension SiteRules {
    /// May this run here at this moment? It needs somebody who answers for it (an endorsement that counts, the home's own
    /// build or approval where that is allowed, or the host's approval of its digest), must pass both lists of rules, and must
    /// have none of the packages whose advisory's deadline has passed.
    package func decide(_ artifact: ArtifactFacts, at now: Timestamp) -> Decision {
        let judgement = Judgement(artifact, rules: self, at: now)
        var until: Timestamp?
        if judgement.isAccepted {
            // What ends one endorsement need not end the last: each moment is judged by itself.
            until = moments(of: artifact).filter { $0 > now }.sorted().first {
                !Judgement(artifact, rules: self, at: $0).isAccepted
            }
        }
        return Decision(
            digest: artifact.digest, name: artifact.name, decided: now, isAccepted: judgement.isAccepted,
            standing: judgement.standing, steps: judgement.steps, reasons: judgement.reasons, notes: judgement.notes,
            until: until, endorsements: judgement.counted)
    }

    /// When anything about it changes by time alone.
    private func moments(of artifact: ArtifactFacts) -> Set<Timestamp> {
        var moments = Set(artifact.endorsements.flatMap { [$0.until, $0.expires] })
        for advisory in advisories {
            if let deadline = advisory.deadline, advisory.affects(artifact) { moments.insert(deadline) }
        }
        return moments
    }

    /// Keys whose signatures do not count, and the rule that says so: in each list the first that names a key decides; banned
    /// in one list is banned.
    var bannedEndorsers: [String: Rule] {
        var banned: [String: Rule] = [:]
        for list in lists {
            var seen: Set<String> = []
            for rule in list.rules {
                guard case .endorser(let key) = rule.subject, seen.insert(key).inserted, rule.action == .ban else {
                    continue
                }
                if banned[key] == nil { banned[key] = rule }
            }
        }
        return banned
    }
}

/// Goes through all that bears on one artifact at one moment.
struct Judgement {
    let artifact: ArtifactFacts
    let rules: SiteRules
    let now: Timestamp
    let bannedEndorsers: [String: Rule]
    private(set) var standing = Decision.Standing.none
    private(set) var counted: [EndorsementFact] = []
    private(set) var steps: [Decision.Step] = []
    private(set) var reasons: [Decision.Reason] = []
    private(set) var notes: [String] = []

    var isAccepted: Bool { reasons.isEmpty }

    init(_ artifact: ArtifactFacts, rules: SiteRules, at now: Timestamp) {
        self.artifact = artifact
        self.rules = rules
        self.now = now
        bannedEndorsers = rules.bannedEndorsers
        findStanding()
        for list in rules.lists { judge(by: list) }
        judgeByAdvisories()
    }

    private mutating func step(_ outcome: Decision.Step.Outcome, _ what: String, _ found: String) {
        steps.append(.init(outcome: outcome, what: what, found: found))
    }

    private mutating func refuse(_ message: String, remedy: String) {
        reasons.append(.init(message: message, remedy: remedy))
    }

    // MARK: Who answers for it

    private mutating func findStanding() {
        var faults: [Decision.Reason] = []
        for endorsement in artifact.endorsements {
            if let fault = count(endorsement) { faults.append(fault) }
        }
        if !counted.isEmpty { standing = .endorsed }
        if let rule = rules.system.approval(of: artifact.digest) {
            step(.passes, rule.source, "the host's file approves it by its digest")
            if standing == .none { standing = .approved }
        }
        if let fault = countOwn() { faults.append(fault) }
        guard standing == .none else { return }
        reasons += faults
        if faults.isEmpty {
            let message =
                "nobody answers for it: no catalogue or image list that this site trusts endorses it as \(artifact.name), and "
                + "it was not built in this home"
            step(.refuses, "endorsements", message)
            refuse(
                message,
                remedy:
                    "trust a catalogue that has it ('sojourn site trust') and run 'sojourn site sync', or approve it by "
                    + "its digest: sojourn site approve image \(artifact.digest)")
        }
    }

    /// Why it does not count; nil where it does.
    private mutating func count(_ endorsement: EndorsementFact) -> Decision.Reason? {
        let what =
            "endorsed by experiment \(endorsement.experiment) in \(endorsement.catalogue) until \(endorsement.until)"
        var valid = endorsement
        valid.endorsers.removeAll { bannedEndorsers[$0.key] != nil }
        if let fault = fault(of: endorsement, without: valid.endorsers) {
            step(.refuses, what, "does not count: \(fault.message)")
            return fault
        }
        let who = valid.endorsers.map(\.description).joined(separator: ", ")
        step(.passes, what, "counts: signed by \(who), \(endorsement.threshold) needed")
        counted.append(valid)
        return nil
    }

    private func fault(of endorsement: EndorsementFact, without banned: [EndorserFact]) -> Decision.Reason? {
        let catalogue = endorsement.catalogue
        let renew =
            "run 'sojourn site sync'; if it is not renewed there, ask the endorsers of \(endorsement.experiment)"
        if let fault = endorsement.fault {
            return .init(message: fault.description(of: catalogue), remedy: fault.remedy(for: catalogue))
        }
        if !endorsement.isFor(artifact) {
            let name = endorsement.name ?? ""
            return .init(
                message: "\(catalogue) endorses it as \(name), not as \(artifact.name)", remedy: "ask for \(name)")
        }
        if endorsement.until <= now {
            return .init(message: "its endorsement in \(catalogue) ended at \(endorsement.until)", remedy: renew)
        }
        if endorsement.expires <= now {
            return .init(message: "the metadata of \(catalogue) expired at \(endorsement.expires)", remedy: renew)
        }
        guard banned.count < max(1, endorsement.threshold) else { return nil }
        let bans = endorsement.endorsers.compactMap { endorser in
            bannedEndorsers[endorser.key].map { "\(endorser) is banned by \($0.source)\($0.reason)" }
        }
        let why = bans.isEmpty ? "" : ": " + bans.joined(separator: ", ")
        return .init(
            message:
                "of its endorsers in \(catalogue) \(banned.count) count where \(max(1, endorsement.threshold)) are needed\(why)",
            remedy:
                "ask \(endorsement.experiment) for an endorsement by others, or take the ban out if it no longer holds")
    }

    /// Why it cannot be an own image though it would be; nil otherwise.
    private mutating func countOwn() -> Decision.Reason? {
        let approval = rules.home.approval(of: artifact.digest)
        guard artifact.isBuiltHere || approval != nil else { return nil }
        let what = artifact.isBuiltHere ? "built in this home" : "approved by its digest at \(approval?.source ?? "")"
        let isWithdrawn = artifact.endorsements.contains { $0.isFor(artifact) && $0.fault?.kind == .withdrawn }
        if approval == nil, isWithdrawn {
            // They know of a fault: whoever wants it all the same says so by its digest.
            step(.refuses, what, "does not count: its endorsers took it back")
            return nil
        }
        if rules.ownImages == .allow {
            step(.passes, what, "own images may run here")
            if standing == .none { standing = .own }
            return nil
        }
        let file = rules.lists.first { $0.ownImages == .forbid }?.file ?? ""
        step(standing == .none ? .refuses : .silent, what, "does not count: 'own-images: forbid' in \(file)")
        return .init(
            message: "it is \(what), and 'own-images: forbid' in \(file) lets no such image run",
            remedy: "have it endorsed ('sojourn endorse') in a catalogue that this site trusts")
    }

    // MARK: Rules

    private mutating func judge(by list: RuleList) {
        for (index, rule) in list.rules.enumerated() {
            let what = "rule \(index + 1) of \(rule.source.isEmpty ? list.file : rule.source), \(rule)"
            if case .endorser(let key) = rule.subject, rule.action == .ban {
                // Its effect is in the count of signatures.
                let signed = artifact.endorsements.filter { $0.endorsers.contains { $0.key == key } }
                let names = signed.map(\.catalogue).joined(separator: ", ")
                step(
                    .silent, what,
                    signed.isEmpty
                        ? "does not match: that key did not sign" : "its signatures in \(names) are looked at above")
                continue
            }
            let (matches, found) = matching(rule)
            guard matches else {
                step(.silent, what, "does not match: \(found)")
                continue
            }
            let rest = list.rules.count - index - 1
            let end = rest == 0 ? "" : "; the \(rest) below it are not looked at"
            if rule.action == .approve { return step(.passes, what, "matches: \(found)\(end)") }
            step(.refuses, what, "matches: \(found)\(end)")
            return refuse(
                "rule \(index + 1) of \(rule.source.isEmpty ? list.file : rule.source) bans \(rule.subject)\(rule.reason): \(found)",
                remedy: "use an image that the rule does not mean, or take the rule out if it no longer holds")
        }
        guard standing == .endorsed else {
            return step(.silent, "rules of \(list.file)", list.rules.isEmpty ? "there are none" : "none matches")
        }
        guard list.unmatched == .refuse else {
            return step(
                .passes, "rules of \(list.file)", "none matches: endorsed images that no rule names are accepted")
        }
        step(.refuses, "rules of \(list.file)", "none matches, and 'unmatched: refuse' is set")
        refuse(
            "no rule of \(list.file) approves it, and 'unmatched: refuse' is set there",
            remedy:
                "approve what it stands on, for example: sojourn site approve experiment \(counted.first?.experiment ?? "")"
        )
    }

    /// Whether a rule is about it, and what was found.
    private func matching(_ rule: Rule) -> (matches: Bool, found: String) {
        let names = artifact.isKernel ? [artifact.name, "os/\(artifact.name)"] : [artifact.name]
        switch rule.subject {
        case .image(let digest):
            return (digest == artifact.digest, "it is \(artifact.digest)")
        case .endorser(let key):
            let signed = counted.filter { $0.endorsers.contains { $0.key == key } }.map(\.catalogue)
            return signed.isEmpty
                ? (false, "that key signed no endorsement that counts")
                : (true, "it signed in \(signed.joined(separator: ", "))")
        case .experiment(let name):
            let endorsing = counted.filter { $0.experiment == name }.map(\.catalogue)
            if !endorsing.isEmpty { return (true, "\(name) endorses it in \(endorsing.joined(separator: ", "))") }
            // A ban is of what bears the experiment's name too, whoever made it; an approval needs the experiment's word.
            if rule.action == .ban, names.contains(where: { $0.hasPrefix("\(name)/") }) {
                return (true, "it is called \(artifact.name)")
            }
            return (false, "\(name) does not endorse it")
        case .environment(let pattern):
            return (names.contains(where: pattern.matches), "it is called \(artifact.name)")
        case .package(let pattern):
            return matching(pattern, isBan: rule.action == .ban)
        }
    }

    /// A ban is of what may have the package, an approval of what has it for certain.
    private func matching(_ pattern: PackagePattern, isBan: Bool) -> (matches: Bool, found: String) {
        guard let packages = artifact.packages else {
            return (isBan, "it has no list of packages\(isBan ? ", and is taken to have it" : "")")
        }
        let named = packages.filter { $0.isNamed(pattern.name) }
        let meant = named.filter { pattern.meets($0) == .yes }
        if !meant.isEmpty { return (true, "it has \(meant.listed)") }
        let unclear = named.filter { pattern.meets($0) == .unknown }
        if !unclear.isEmpty {
            return (isBan, "it has \(unclear.listed), and versions of that kind cannot be compared here")
        }
        return (false, named.isEmpty ? "it has no package \(pattern.name)" : "it has \(named.listed)")
    }

    // MARK: Advisories

    private mutating func judgeByAdvisories() {
        var others = 0
        for advisory in rules.advisories {
            guard advisory.affects(artifact) else {
                others += 1
                continue
            }
            let found =
                advisory.affectedPackages(of: artifact).map {
                    "it has \($0.listed), the fault is mended in \(advisory.fixed)"
                }
                ?? "it has no list of packages, and is taken to have \(advisory.package) before \(advisory.fixed)"
            let what = "advisory \(advisory.title)\(advisory.source.isEmpty ? "" : " of \(advisory.source)")"
            let remedy =
                "use an image with \(advisory.package) \(advisory.fixed): 'sojourn advisory apply' names what there is"
            guard let deadline = advisory.deadline else {
                step(.silent, what, "\(found); it has no deadline")
                notes.append("\(what): \(found); \(remedy)")
                continue
            }
            if advisory.isInForce(at: now) {
                step(.refuses, what, "\(found); it had to stop at \(deadline)")
                refuse("\(what): \(found); it had to stop at \(deadline)", remedy: remedy)
            } else {
                step(.silent, what, "\(found); it must stop by \(deadline)")
                notes.append("must stop by \(deadline): \(what): \(found); \(remedy)")
            }
        }
        if others > 0 { step(.silent, others == 1 ? "one advisory" : "\(others) advisories", "no concern of it") }
    }
}

extension RuleList {
    /// The rule that approves exactly this image or kernel.
    func approval(of digest: Digest) -> Rule? {
        rules.first { $0.action == .approve && $0.subject == .image(digest) }
    }
}

extension Rule {
    /// In a message, after what it bans.
    fileprivate var reason: String { because.map { " (\($0))" } ?? "" }
}

extension [PackageFact] {
    /// A few of them.
    fileprivate var listed: String {
        let first = prefix(3).map(\.description).joined(separator: ", ")
        return count > 3 ? "\(first) and \(count - 3) more" : first
    }
}
