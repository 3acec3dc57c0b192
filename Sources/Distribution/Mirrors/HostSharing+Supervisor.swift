import HTTPServer
import HTTPTransport
package import ImageStore
import Linux
package import Settings

extension HostSharing {
    private enum Stage: Sendable {
        case beginning
        case running(HostSharing)
        case ended
    }

    /// Runs `body`, and meanwhile shares what the home holds, where the site wants that (`share-blocks`). What goes wrong
    /// with the sharing is told, and is no fault of `body`.
    /// - Parameters:
    ///   - environment: names proxies.
    ///   - tell: called on another thread.
    package static func during<Value>(
        _ store: ImageStore, _ settings: SiteSettings, environment: [String: String],
        tell: @escaping @Sendable (String) -> Void, _ body: () throws -> Value
    ) throws -> Value {
        guard let address = settings.shareBlocks else { return try body() }
        let stage = Guarded(Stage.beginning)
        // All that it opens is opened in there: its threads then leave the signals of a machine alone.
        let thread = try WorkThread {
            do {
                try HTTPTransport.with(environment: environment) { transport in
                    var limits = ServerLimits()
                    // A machine needs descriptors too.
                    limits.connections = 64
                    let sharing = HostSharing(
                        store, settings, at: address, mirrors: settings.mirrors, transport: transport, limits: limits)
                    stage.change { $0 = .running(sharing) }
                    try sharing.run(tell: tell)
                }
            } catch { tell("\(error)") }
            stage.change { $0 = .ended }
        }
        let result = Result { try body() }
        stage.wait(until: nil) { stage -> HostSharing?? in
            switch stage {
            case .beginning: nil
            case .running(let sharing): .some(sharing)
            case .ended: .some(nil)
            }
        }??.stop()
        thread.join()
        return try result.get()
    }
}
