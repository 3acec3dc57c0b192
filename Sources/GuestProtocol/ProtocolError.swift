/// A frame that breaks the protocol: the other side is faulty or hostile, and is not listened to any longer.
package struct ProtocolError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case truncated, tooLong, unknownType, malformed, version, sequence }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    package static func == (left: ProtocolError, right: ProtocolError) -> Bool { left.code == right.code }
}
