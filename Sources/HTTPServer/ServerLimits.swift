/// What clients may take of a server.
package struct ServerLimits: Sendable {
    /// At once; one more is told to come again later.
    package var connections = 512
    /// Of one address at once.
    package var connectionsPerClient = 64
    /// For a whole request, counted from the end of the answer before; and for each piece of an answer to be taken.
    package var patience: Duration = .seconds(30)
    /// Names and values of a request's headers, in bytes.
    package var headerBytes = 16 << 10
    /// Of a request.
    package var bodyBytes = 1 << 20
    /// Of all answers' bodies together; nil: as fast as it goes.
    package var bytesPerSecond: Int64?
    /// Of the answers to one address.
    package var bytesPerSecondPerClient: Int64?

    package init() {}
}
