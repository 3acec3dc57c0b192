/// What the home or its images could not give: what was asked, what is wrong, what to do.
package struct ImageStoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case newerHome, unusableHome, corruptedBlob, missingBlob, unknownReference, ambiguousReference, inUse
        /// What builds read is kept in the home no more.
        case missingInput
        /// An image layout that is not what it says, or holds no image of ours.
        case unsuitableLayout
        case noSpace
        /// Somebody else is at work there; to be tried again.
        case busy
        /// A place that gives whole blobs only.
        case noRanges
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
