/// Something that is not in our format: what it is, and what is wrong with it.
package struct ImageFormatError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case invalidManifest, invalidConfiguration, newerFormat, unsuitableData, wrongTree }

    package let code: Code
    package let message: String
    package let underlying: (any Error)?

    package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    package var description: String { underlying.map { "\(message): \($0)" } ?? message }

    package static func == (left: ImageFormatError, right: ImageFormatError) -> Bool { left.code == right.code }
}
