import HTTPTransport
package import ImageStore
package import Settings

/// Where a pull has its bytes from: nothing of it is believed.
package struct PullSources: Sendable {
    let places: RangePlaces
    /// What tells of deltas.
    let files: @Sendable (TrustedCatalogue) -> any MetadataSource

    package init(
        places: @escaping RangePlaces, files: @escaping @Sendable (TrustedCatalogue) -> any MetadataSource
    ) {
        self.places = places
        self.files = files
    }
}

extension ImagePull {
    /// Gives `body` a pull from all places that a site knows.
    /// - Parameter environment: names proxies.
    package static func with<Value>(
        _ store: ImageStore, _ settings: SiteSettings, environment: [String: String],
        progress: @escaping (String) -> Void, _ body: (ImagePull) throws -> Value
    ) throws -> Value {
        try HTTPTransport.with(environment: environment) { transport in
            try CataloguePlaces.with(settings, environment: environment) { places in
                let sources = PullSources(
                    places: { places.all($0) },
                    files: { MirroredFiles($0, mirrors: settings.mirrors, transport: transport) })
                return try body(ImagePull(store, transport: transport, from: sources, progress: progress))
            }
        }
    }
}
