package import HTTPTransport

/// How a registry is reached.
package struct RegistryAccess: Sendable {
    let transport: HTTPTransport
    /// Plain http, and certificates that nobody vouches for, are accepted; a registry on this host is in any case.
    let isInsecure: Bool
    /// The process's: skopeo's files of credentials are found by it.
    let environment: [String: String]

    package init(_ transport: HTTPTransport, isInsecure: Bool, environment: [String: String]) {
        self.transport = transport
        self.isInsecure = isInsecure
        self.environment = environment
    }

    /// A file over http or https.
    package func read(_ url: String, limit: Int) throws -> [UInt8] { try transport.read(url, limit: limit) }

    func isInsecure(_ reference: RegistryReference) -> Bool { isInsecure || reference.isLoopback }
}
