/// A machine that could not be made, found or followed.
package struct MachineError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case invalidSpecification, newerVersion, invalidShare, notFound, tooLarge, guestMissing
        /// By the site's rules.
        case notAccepted
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    package static func == (left: MachineError, right: MachineError) -> Bool { left.code == right.code }
}
