import GridModel
package import HTTPServer
package import HTTPTransport
package import ImageStore
import Linux
package import Settings
import StrictJSON

/// Serves what a home holds to the other hosts of a site, and tells mirrors of it, until it is stopped.
package final class HostSharing: Sendable {
    private let blobs: SharedBlobs
    private let address: ListeningAddress
    private let mirrors: [String]
    private let transport: HTTPTransport
    private let limits: ServerLimits
    private let log: @Sendable (AccessRecord) -> Void
    private let state = Guarded(State())

    private struct State {
        var isStopped = false
        var port: Int?
        /// Why a mirror was not told, or nothing is served.
        var faults: [String] = []
    }

    /// How soon a mirror is told of what came, and how often of what is as it was.
    private static let look = Duration.seconds(3)
    private static let renewal = Duration.seconds(40)

    package init(
        _ store: ImageStore, _ settings: SiteSettings, at address: ListeningAddress, mirrors: [HTTPAddress],
        transport: HTTPTransport, limits: ServerLimits = ServerLimits(),
        log: @escaping @Sendable (AccessRecord) -> Void = { _ in }
    ) {
        blobs = SharedBlobs(store, settings.catalogues)
        self.address = address
        self.mirrors = mirrors.map(\.trimmed)
        self.transport = transport
        self.limits = limits
        self.log = log
    }

    /// Where it listens, once it does; nil at the deadline, or when stopped before.
    package func port(until deadline: ContinuousClock.Instant) -> Int? {
        state.wait(until: deadline) { state in state.isStopped ? .some(nil) : state.port.map { .some($0) } } ?? nil
    }

    /// What went wrong last; empty where all is well.
    package var faults: [String] { state.withLock { $0.faults } }

    /// Ends `run`.
    package func stop() { state.change { $0.isStopped = true } }

    /// Blocks until it is stopped. Where another process of this host serves at the address already, as another machine's
    /// supervisor does, that one serves for both; its place is taken when it ends.
    /// - Parameter tell: told of faults when they come.
    package func run(tell: (String) -> Void = { _ in }) throws {
        var server: HTTPServer?
        var told: Set<String> = []
        repeat {
            do {
                let known = server
                server = try known ?? begin()
                note([])
            } catch let error as HTTPServerError { note(["\(error)"]) }
            if let server {
                announce(port: server.port, isEnding: false)
            }
            for fault in faults where told.insert(fault).inserted { tell(fault) }
            if told.count > 100 { told = [] }
        } while state.wait(until: .now + Self.look, for: { $0.isStopped ? true : nil }) == nil
        if let server {
            announce(port: server.port, isEnding: true)
            try server.stop(grace: .seconds(2))
        }
    }

    private func begin() throws -> HTTPServer {
        let blobs = blobs
        let server = try HTTPServer(
            host: address.host, port: address.port, limits: limits, log: log, answer: { try blobs.reply(to: $0) })
        state.change { $0.port = server.port }
        return server
    }

    private func note(_ faults: [String]) { state.withLock { $0.faults = faults } }

    /// What each mirror was told last, and when.
    private struct Told {
        let blobs: Set<String>
        let at: ContinuousClock.Instant
    }
    private let told = Guarded([String: Told]())

    private func announce(port: Int, isEnding: Bool) {
        var faults: [String] = []
        do {
            let held = isEnding ? [] : try blobs.held()
            let names = Set(held.map(\.hex))
            for mirror in mirrors {
                if let last = told.withLock({ $0[mirror] }), last.at + Self.renewal > .now, last.blobs == names {
                    continue
                }
                do {
                    let body = try StrictJSON.encode(HolderRegistry.Announcement(port: port, blobs: held.sorted()))
                    try transport.post(
                        "\(mirror)/holders", body: body, contentType: "application/json",
                        within: isEnding ? .seconds(1) : .seconds(5))
                    told.withLock { $0[mirror] = Told(blobs: names, at: .now) }
                } catch {
                    faults.append("the mirror \(mirror) was not told what is here: \(error)")
                    // A mirror that is away is not asked all the time.
                    told.withLock { $0[mirror] = Told(blobs: names, at: .now - Self.renewal + .seconds(10)) }
                }
            }
        } catch { faults.append("what is here cannot be told: \(error)") }
        note(faults)
    }
}
