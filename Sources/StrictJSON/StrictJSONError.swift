/// A document that is refused, or a value that JSON cannot hold: where, what is wrong, what was expected.
package struct StrictJSONError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case tooLarge, tooDeep
        /// No JSON by RFC 8259, or not UTF-8.
        case malformed
        case duplicateKey
        /// JSON, but not of the form that was asked for.
        case unexpected
        case unencodable
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    package static func == (left: StrictJSONError, right: StrictJSONError) -> Bool { left.code == right.code }
}
