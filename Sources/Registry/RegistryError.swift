/// What a registry did not take or give: which one, what went wrong, what to do next.
package struct RegistryError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// No address of a registry's repository.
        case wrongReference
        /// The registry does not have it.
        case notFound
        /// The registry wants credentials, or other ones.
        case refused
        /// It does not answer, or not as registries do.
        case unavailable
        /// What it serves is not what its name says, or too large.
        case wrongContent
        /// skopeo is missing or failed.
        case toolFailed
        /// Somebody else changes the same thing all the time.
        case busy
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

    package static func == (left: RegistryError, right: RegistryError) -> Bool { left.code == right.code }
}
