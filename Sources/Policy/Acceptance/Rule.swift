package import GridModel

/// What a rule is about.
package enum Subject: TextualValue {
    case image(Digest)
    /// A key's id: 64 hexadecimal digits.
    case endorser(String)
    case experiment(String)
    case environment(EnvironmentPattern)
    case package(PackagePattern)

    static let kinds = ["image", "endorser", "experiment", "environment", "package"]

    package init(parsing text: String) throws {
        let kind = text.prefix { $0 != " " }
        let rest = String(text.dropFirst(kind.count + 1))
        func refuse(_ what: String, _ error: any Error) -> PolicyError {
            PolicyError(.invalidSubject, "'\(text.prefix(100))' does not name \(what)", underlying: error)
        }
        switch kind {
        case "image":
            do { self = .image(try Digest(parsing: rest)) } catch { throw refuse("an image or kernel", error) }
        case "endorser":
            do { self = .endorser(try Digest(parsing: "sha256:\(rest)").hex) } catch {
                throw PolicyError(
                    .invalidSubject,
                    "'\(rest.prefix(100))' is no id of an endorser's key: expected 64 digits 0-9a-f, as 'sojourn catalogue "
                        + "show' prints them")
            }
        case "experiment":
            guard Environment.isName(rest) else {
                throw PolicyError(
                    .invalidSubject,
                    "'\(rest.prefix(100))' is no experiment's name: expected letters, digits and ._+-, at most 64")
            }
            self = .experiment(rest)
        case "environment":
            self = .environment(try EnvironmentPattern(parsing: rest))
        case "package": self = .package(try PackagePattern(parsing: rest))
        default:
            throw PolicyError(
                .invalidSubject,
                "'\(text.prefix(100))' is not known as a rule's subject; "
                    + "\(NearestNames.hint(for: String(kind), among: Self.kinds)); write for example 'package xz-utils 5.6.0'"
            )
        }
    }

    package var description: String {
        switch self {
        case .image(let digest): "image \(digest)"
        case .endorser(let key): "endorser \(key)"
        case .experiment(let name): "experiment \(name)"
        case .environment(let pattern): "environment \(pattern)"
        case .package(let pattern): "package \(pattern)"
        }
    }
}

/// One line of a site's policy.
package struct Rule: Codable, Equatable, Sendable, CustomStringConvertible {
    package enum Action: String, Codable, Sendable { case ban, approve }

    package var action: Action
    package var subject: Subject
    package var because: String?
    /// `FILE:LINE`.
    package var source: String

    package init(_ action: Action, _ subject: Subject, because: String? = nil, source: String = "") {
        self.action = action
        self.subject = subject
        self.because = because
        self.source = source
    }

    package var description: String { "\(action.rawValue) \(subject)" }
}

/// The policy of one file: of /etc/sojourn, or of a home.
package struct RuleList: Codable, Equatable, Sendable {
    /// Of endorsed images and kernels that no rule names.
    package enum Unmatched: String, Codable, Sendable, CaseIterable { case accept, refuse }

    /// Of what was built in the home, or approved in it by its whole digest.
    package enum OwnImages: String, Codable, Sendable, CaseIterable { case allow, forbid }

    /// Where the newest of an environment is refused.
    package enum NewestRefused: String, Codable, Sendable, CaseIterable {
        case lastValid = "last-valid"
        case refuse
    }

    /// The file, for messages.
    package var file: String
    /// The first that matches decides.
    package var rules: [Rule]
    /// Nil, as those below, where the file does not say.
    package var unmatched: Unmatched?
    package var ownImages: OwnImages?
    package var newestRefused: NewestRefused?

    package init(
        file: String, rules: [Rule] = [], unmatched: Unmatched? = nil, ownImages: OwnImages? = nil,
        newestRefused: NewestRefused? = nil
    ) {
        self.file = file
        self.rules = rules
        self.unmatched = unmatched
        self.ownImages = ownImages
        self.newestRefused = newestRefused
    }
}

/// All that a site has decided: the host's list and the home's, of which an image must pass both, and advisories.
package struct SiteRules: Codable, Equatable, Sendable {
    package var system: RuleList
    package var home: RuleList
    package var advisories: [Advisory]

    package init(system: RuleList, home: RuleList, advisories: [Advisory] = []) {
        self.system = system
        self.home = home
        self.advisories = advisories
    }

    var lists: [RuleList] { [system, home] }

    /// The stricter of both files; allowed where none says.
    package var ownImages: RuleList.OwnImages { lists.contains { $0.ownImages == .forbid } ? .forbid : .allow }

    /// The stricter of both files; the last valid one where none says.
    package var newestRefused: RuleList.NewestRefused {
        lists.contains { $0.newestRefused == .refuse } ? .refuse : .lastValid
    }
}
