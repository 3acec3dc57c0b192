/// What a site's configuration does not allow, or cannot hold: what was asked, what is wrong, what to do.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// A name, an address or a whole file that is not what it must be.
        case invalid
        /// The file is written in a way that is not understood well enough to change it.
        case notEditable
        case notFound
        case alreadyThere
        /// The host's file does not allow it to this home.
        case refused
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

    package static func == (left: ConfigurationError, right: ConfigurationError) -> Bool { left.code == right.code }
}
