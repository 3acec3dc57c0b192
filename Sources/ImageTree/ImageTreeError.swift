/// A tree that cannot become an image, or cannot be looked at: where, why, and what to do about it.
package struct ImageTreeError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case refusedName, unsuitableTree, unreadableDatabase, missingTool }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?

    package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    package var description: String { underlying.map { "\(message): \($0)" } ?? message }

    package static func == (left: ImageTreeError, right: ImageTreeError) -> Bool { left.code == right.code }
}
