/// A key that the home does not have, or does not give: which one, what is wrong, what to do.
package struct KeyStoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case invalidName, unknownKey
        /// There is a key of that name already.
        case nameTaken
        /// Others could read the private part.
        case exposed
        /// The private and the public part belong to different keys.
        case mismatchedParts
        /// The home's own key cannot be used without a passphrase.
        case encryptedHomeKey
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    package static func == (left: KeyStoreError, right: KeyStoreError) -> Bool { left.code == right.code }
}
