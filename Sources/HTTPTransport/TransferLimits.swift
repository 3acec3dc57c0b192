/// What a server may take: time, redirects, headers. How long an answer may be is each caller's to say.
package struct TransferLimits: Sendable {
    /// Until the connection stands: name, TCP, a proxy's tunnel and TLS.
    package var connecting: Duration = .seconds(10)
    /// The longest time without a byte of the body, counted from the request on.
    package var silence: Duration = .seconds(30)
    /// The lowest rate, averaged over `window`. A slow retrieval attack keeps a client on old metadata
    /// (TUF specification, section 2.1.1).
    package var bytesPerSecond: Int64 = 1024
    package var window: Duration = .seconds(30)
    package var redirects = 5
    /// Names and values of an answer's headers, in bytes. NIO itself gives up at 2 MiB.
    package var headerBytes = 1 << 16

    package init() {}
}
