/// What was wrong with whoever is served.
package struct BlockServerError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case badClient }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?

    package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    package var description: String { underlying.map { "\(message): \($0)" } ?? message }

    package static func == (left: BlockServerError, right: BlockServerError) -> Bool { left.code == right.code }
}
