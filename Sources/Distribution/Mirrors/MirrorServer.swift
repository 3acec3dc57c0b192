import GridModel
package import HTTPServer
import Linux
import StrictJSON
import Synchronization

/// Serves a mirror's directory, and tells hosts of each other.
package final class MirrorServer: Sendable {
    private let server: HTTPServer

    /// - Parameter directory: of the mirror; made where it is not there.
    package init(
        _ directory: String, host: String, port: Int, limits: ServerLimits = ServerLimits(),
        log: @escaping @Sendable (AccessRecord) -> Void = { _ in }
    ) throws {
        var made = MirrorDirectory(path: directory)
        try made.make()
        let files = made
        let tree = try FileTree(directory)
        let meeting = Meeting(files)
        server = try HTTPServer(host: host, port: port, limits: limits, log: log) { request in
            if request.path.first == "holders" { return try meeting.reply(to: request) }
            guard request.method != .post else { return ServerReply(405, "nothing is taken here") }
            return try tree.reply(to: request)
        }
    }

    /// Where it listens.
    package var port: Int { server.port }

    /// Lets answers under way finish.
    package func stop() throws { try server.stop() }
}

/// Where hosts say what they hold, and ask who holds what.
private final class Meeting: Sendable {
    private let directory: MirrorDirectory
    private let registry = Mutex(HolderRegistry())
    private let began = ContinuousClock.now

    init(_ directory: MirrorDirectory) { self.directory = directory }

    private struct Answer: Encodable {
        let version = 1
        /// How long it counts.
        let seconds: Int64
    }

    func reply(to request: ServerRequest) throws -> ServerReply {
        let now = began.duration(to: .now)
        switch (request.method, request.path.count) {
        case (.post, 1): return try announce(request, now)
        case (.get, 3), (.head, 3):
            guard request.path[1] == "sha256" else { return .notFound }
            let blob: Digest
            do { blob = try Digest(parsing: "sha256:\(request.path[2])") } catch { return .notFound }
            let holders = registry.withLock { registry in
                var random = SystemRandomNumberGenerator()
                return registry.holders(of: blob, now: now, using: &random)
            }
            return .json(try StrictJSON.encode(HolderList(holders: holders)))
        default: return .notFound
        }
    }

    /// The address is the connection's, whatever the announcement says; blobs that the mirror does not have itself count
    /// nothing.
    private func announce(_ request: ServerRequest, _ now: Duration) throws -> ServerReply {
        let announcement: HolderRegistry.Announcement
        do { announcement = try HolderRegistry.Announcement(decoding: request.body) } catch {
            return .refused("that is no announcement: {\"port\":8471,\"blobs\":[\"sha256:...\"]}")
        }
        let known = Set(announcement.blobs).filter { Files.exists(directory.blob($0)) }
        let isTaken = registry.withLock {
            $0.announce(known, at: request.client, port: announcement.port, now: now)
        }
        guard isTaken else { return ServerReply(503, "too many hosts", headers: [("Retry-After", "120")]) }
        return .json(try StrictJSON.encode(Answer(seconds: HolderRegistry.lifetime.components.seconds)))
    }
}
