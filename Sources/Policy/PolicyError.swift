/// A word of a site's policy that could not be understood: what was given, what is wrong, what is expected.
package struct PolicyError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case invalidSubject, invalidPattern, invalidVersion }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?

    package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    package var description: String { underlying.map { "\(message): \($0)" } ?? message }

    package static func == (left: PolicyError, right: PolicyError) -> Bool { left.code == right.code }
}
