/// A catalogue that cannot be followed or written: which one, what is wrong, what to do.
package struct DistributionError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// No root of it is trusted here.
        case notTrusted
        /// Nothing of it is here yet.
        case notSynchronised
        /// It does not serve what it announces.
        case unavailable
        /// It breaks a rule.
        case refused
        /// There is no such catalogue, image or draft.
        case unknownReference
        /// The site's rules do not let it run.
        case notAccepted
        /// Somebody else changed it meanwhile.
        case stale
    }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?

    package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    package var description: String { underlying.map { "\(message): \($0)" } ?? message }

    package static func == (left: DistributionError, right: DistributionError) -> Bool { left.code == right.code }
}
