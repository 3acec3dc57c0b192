/// Why an image could not be made: what was attempted, what went wrong, what to do next.
package struct ImageFactoryError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case invalidRecipe, unknownRecipe, missingTool, toolFailed, noArchive, wrongInput, noSpace, unsuitableKernel,
            limitReached, locked, unclean, checkFailed, endOfLife
    }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?

    package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    static func fullDisk(_ path: String, underlying: (any Error)? = nil) -> ImageFactoryError {
        ImageFactoryError(
            .noSpace, "the disk of \(path) is full; make room, or give another home with --home", underlying: underlying
        )
    }

    package var description: String { underlying.map { "\(message): \($0)" } ?? message }

    package static func == (left: ImageFactoryError, right: ImageFactoryError) -> Bool { left.code == right.code }
}
