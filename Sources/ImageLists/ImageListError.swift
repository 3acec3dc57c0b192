/// An image list that is not accepted, or an image that no list endorses: which one, what is wrong, what to do.
package struct ImageListError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// A list without any signature where a signed one is due.
        case unsigned
        /// No S/MIME message with a detached signature, or a part of it in an encoding that is not read.
        case malformedMessage
        case tooLarge
        /// The signature, the signer's certificate, its chain, or a CRL.
        case unverified
        /// None or several signatures, or a signer whose name is ambiguous.
        case unsuitableSigner
        /// No JSON of the wanted form.
        case malformedList
        /// Created in the future: of the list's clock, or of ours.
        case notYetValid
        case expired
        /// Signed by another than the endorser that the list or the subscription names.
        case wrongEndorser
        case wrongIdentifier
        case olderVersion
        /// An equal version with other content.
        case changedContent
        /// An image's UUID that another list has already.
        case duplicateImage
        /// No valid list has the image.
        case notEndorsed
        /// Nothing has been fetched yet.
        case noList
        /// What is kept of a subscription cannot be read.
        case unusableState
        /// openssl is missing, did not end in time, or failed otherwise than by a refusal.
        case toolFailed
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

    package static func == (left: ImageListError, right: ImageListError) -> Bool { left.code == right.code }
}
