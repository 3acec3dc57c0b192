import HTTPTransport
package import ImageFormat
package import ImageStore
package import Settings
import Synchronization

/// Where the blocks of an image may be had: other hosts, mirrors, the catalogues that this home follows.
package final class CataloguePlaces: Sendable {
    private let settings: SiteSettings
    private let environment: [String: String]
    private let opened = Mutex<(transport: HTTPTransport, places: BlobPlaces)?>(nil)

    /// - Parameter environment: names proxies, as for every transport.
    package init(_ settings: SiteSettings, environment: [String: String]) {
        self.settings = settings
        self.environment = environment
    }

    /// Gives `body` the places, and closes what they opened.
    package static func with<Value>(
        _ settings: SiteSettings, environment: [String: String], _ body: (CataloguePlaces) throws -> Value
    ) throws -> Value {
        let places = CataloguePlaces(settings, environment: environment)
        let result = Result { try body(places) }
        try places.opened.withLock { try $0?.transport.close() }
        return try result.get()
    }

    package func all(_ blob: OCIDescriptor) -> [any RangeSource] {
        if settings.catalogues.isEmpty { return [] }
        // Made by whoever needs it first: most machines fetch nothing, and its thread would take a machine's signals.
        let places = opened.withLock { opened in
            if let opened { return opened.places }
            let transport = HTTPTransport(environment: environment)
            let places = BlobPlaces(settings, transport: transport)
            opened = (transport, places)
            return places
        }
        return places.all(blob)
    }
}
