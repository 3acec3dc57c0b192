@testable import GridModel
@testable import Policy

/// One image, as tests of acceptance begin with it.
enum AcceptanceFixture {
    static let now = moment(0)
    static let environment = "lhc/pythia8:8.317.2@debian12"
    static let alice = EndorserFact(key: String(repeating: "a", count: 64), name: "alice")
    static let bob = EndorserFact(key: String(repeating: "b", count: 64), name: "bob")
    static let carol = EndorserFact(key: String(repeating: "c", count: 64))

    /// Hours from now.
    static func moment(_ hours: Int64) -> Timestamp { Timestamp(seconds: 1_900_000_000 + hours * 3600) }

    static func digest(_ number: UInt8) -> Digest { Digest(bytes: [UInt8](repeating: number, count: 32)) }

    static func endorsement(
        catalogue: String = "images", experiment: String = "lhc", name: String? = environment, endorsed: Int64 = -10,
        until: Int64 = 100, by endorsers: [EndorserFact] = [alice], threshold: Int = 1, expires: Int64 = 50,
        fault: EndorsementFault? = nil
    ) -> EndorsementFact {
        EndorsementFact(
            catalogue: catalogue, experiment: experiment, name: name, endorsed: moment(endorsed), until: moment(until),
            endorsers: endorsers, threshold: threshold, expires: moment(expires), fault: fault)
    }

    static func image(
        _ number: UInt8 = 1, packages: [PackageFact]? = [PackageFact(name: "xz-utils", version: "5.4.1-1")],
        isBuiltHere: Bool = false, created: Int64 = -20, endorsements: [EndorsementFact] = [endorsement()]
    ) -> ArtifactFacts {
        ArtifactFacts(
            digest: digest(number), name: environment, created: moment(created), packages: packages,
            isBuiltHere: isBuiltHere, endorsements: endorsements)
    }

    /// Rules as `ban package xz-utils`.
    static func rules(
        system: [String] = [], home: [String] = [], advisories: [Advisory] = [],
        _ change: (inout SiteRules) -> Void = { _ in }
    ) throws -> SiteRules {
        func list(_ file: String, _ lines: [String]) throws -> RuleList {
            let rules = try lines.enumerated().map { index, line in
                let action: Rule.Action = line.hasPrefix("ban ") ? .ban : .approve
                let subject = String(line.dropFirst(action.rawValue.count + 1))
                return Rule(action, try Subject(parsing: subject), source: "\(file):\(index + 10)")
            }
            return RuleList(file: file, rules: rules)
        }
        var rules = SiteRules(
            system: try list("/etc/sojourn/config.yaml", system), home: try list("/home/a/config.yaml", home),
            advisories: advisories)
        change(&rules)
        return rules
    }

    static func decide(
        _ image: ArtifactFacts = image(), system: [String] = [], home: [String] = [],
        _ change: (inout SiteRules) -> Void = { _ in }
    ) throws -> Decision {
        try rules(system: system, home: home, change).decide(image, at: now)
    }
}
