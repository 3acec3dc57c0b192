/// A key, a passphrase, an envelope or metadata that is refused: which one, what is wrong, what to do.
package struct TrustError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// No PEM, no DER, or another thing than a key.
        case malformedKey
        /// A key, or an encryption of one, that this program does not know.
        case unsupportedKey
        /// Parameters of an encryption that would take more time or memory than any honest one.
        case excessiveParameters
        /// Empty, too long, or not typable.
        case invalidPassphrase
        /// Does not open the key; a damaged file looks the same.
        case wrongPassphrase
        case cannotSign
        case malformedEnvelope
        /// Too few signatures of the wanted keys.
        case notTrusted
        /// Signed, but something else than what was asked for.
        case wrongPayloadType
        /// No TUF metadata, or of a form that is not followed.
        case malformedMetadata
        /// Not the length or hash that was announced.
        case wrongContent
        /// Not the version that was announced or follows.
        case wrongVersion
        /// Older than what was seen before.
        case rolledBack
        case expired
        /// What the next step needs is not there.
        case missingMetadata
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

    package static func == (left: TrustError, right: TrustError) -> Bool { left.code == right.code }

    /// Names `source` in what `body` throws; faults of its DER become `malformedKey`.
    static func naming<Value>(_ source: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let fault as TrustError {
            throw TrustError(fault.code, "\(source): \(fault.message)", underlying: fault.underlying)
        } catch {
            throw TrustError(.malformedKey, "\(source): the key in it is damaged", underlying: error)
        }
    }
}
