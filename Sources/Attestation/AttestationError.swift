/// A statement that is refused, or facts that none can be made of: what, why, what to do.
package struct AttestationError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// No in-toto statement that can be read.
        case malformedStatement
        /// A statement about something else.
        case otherPredicate
        /// Signed for other purposes than statements are, or by none of the wanted keys.
        case notTrusted
        /// Facts about an image that no document can say.
        case unsuitableFacts
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

    package static func == (left: AttestationError, right: AttestationError) -> Bool { left.code == right.code }
}
