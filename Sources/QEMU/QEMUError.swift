/// QEMU could not be found, started or understood.
package struct QEMUError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable { case missing, protocolViolation, commandRefused }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    package static func == (left: QEMUError, right: QEMUError) -> Bool { left.code == right.code }
}
