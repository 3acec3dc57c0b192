/// What the home or its images could not give: what was asked, what is wrong, what to do.
package struct ImageStoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case newerHome, unusableHome, corruptedBlob, missingBlob, unknownReference, ambiguousReference, inUse
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

    package static func == (left: ImageStoreError, right: ImageStoreError) -> Bool { left.code == right.code }
}
