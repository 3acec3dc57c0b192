/// One answer, as it went.
package struct AccessRecord: Sendable, Encodable {
    package let client: String
    package let method: String
    /// As it was sent; shortened.
    package let path: String
    package var status: UInt
    /// Of the body, that went.
    package var bytes: Int64
    /// What was asked for, as `first-last`; nil for the whole.
    package let range: String?
    package var milliseconds: Int64
}
