package import GridModel

/// Whether an image or kernel may run at this site at one moment, and why.
package struct Decision: Codable, Equatable, Sendable {
    /// One thing that was looked at.
    package struct Step: Codable, Equatable, Sendable, CustomStringConvertible {
        package enum Outcome: String, Codable, Sendable {
            /// It speaks for the image.
            case passes
            /// It speaks against it.
            case refuses
            /// It says nothing about it.
            case silent
        }

        package let outcome: Outcome
        /// What was looked at: `rule 2 of /etc/sojourn/config.yaml:14, ban package xz-utils 5.6.0`.
        package let what: String
        /// What was found: `does not match: it has xz-utils 5.4.1-1`.
        package let found: String

        package var description: String { "\(what): \(found)" }
    }

    /// Why it is refused, and what can be done.
    package struct Reason: Codable, Equatable, Sendable, CustomStringConvertible {
        package let message: String
        package let remedy: String

        package var description: String { "\(message); \(remedy)" }
    }

    /// What it stands on.
    package enum Standing: String, Codable, Sendable {
        /// At least one endorsement that counts.
        case endorsed
        /// An own image of the home.
        case own
        /// Approved by its digest in the host's file.
        case approved
        case none
    }

    package let digest: Digest
    package let name: String
    package let decided: Timestamp
    package let isAccepted: Bool
    package let standing: Standing
    /// In the order in which they were looked at.
    package let steps: [Step]
    /// Empty where it is accepted.
    package let reasons: [Reason]
    /// What to know though it is accepted: advisories whose deadline is yet to come.
    package let notes: [String]
    /// The first moment at which it will be refused by what is known now; nil where it is refused already, or none is
    /// known.
    package let until: Timestamp?
    /// Those that counted, each with the endorsers whose signatures did.
    package let endorsements: [EndorsementFact]

    /// All reasons in one line.
    package var refusal: String { reasons.map(\.description).joined(separator: ". ") }
}
