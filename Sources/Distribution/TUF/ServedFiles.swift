package import HTTPTransport

/// Files below one address.
package struct ServedFiles: MetadataSource {
    /// Without a slash at its end.
    package let address: String
    package let transport: HTTPTransport

    package init(address: String, transport: HTTPTransport) {
        var address = address[...]
        while address.hasSuffix("/") { address.removeLast() }
        self.address = String(address)
        self.transport = transport
    }

    package var description: String { address }

    package func read(_ name: String, limit: Int) throws -> [UInt8]? {
        // A slow line may take its time over what is large; the lowest rate binds it all the same.
        let time = Duration.seconds(max(60, limit >> 16))
        do { return try transport.read("\(address)/\(name)", limit: limit, within: time) } catch let error
            as HTTPTransportError
            where [.notFound, .refused].contains(error.code)
        {
            // Servers of static files answer 403 too where there is nothing.
            return nil
        }
    }
}
