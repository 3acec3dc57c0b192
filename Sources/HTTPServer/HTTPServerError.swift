/// Why a server cannot serve: what was attempted, what went wrong, what to do next.
package struct HTTPServerError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The address cannot be listened at.
        case address
        /// A request that is none of ours: its path or its body.
        case request
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

    package static func == (left: HTTPServerError, right: HTTPServerError) -> Bool { left.code == right.code }
}
