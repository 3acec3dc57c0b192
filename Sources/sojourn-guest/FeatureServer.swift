import Glibc
import GuestProtocol
import Linux

/// Serves the machine's and the job's features (HSF-TN-2016-02) over HTTP on the loopback: what `/run/sojourn` holds of
/// them at that moment.
///
/// A child of the agent, as a user of its own without capabilities and outside the payload's cgroup: a payload can neither
/// signal it nor starve it of memory, and a fault in it costs nothing but this service.
struct FeatureServer {
    private static let mostConnections = 32
    private static let patience = Duration.seconds(10)
    /// Of one document.
    private static let mostBytes = 64 << 10

    /// What connects from now on waits to be answered.
    static func listen() throws -> Descriptor { try Socket.listenOnLoopback(port: GuestLink.featuresPort) }

    static func start(_ listener: Descriptor, as user: UInt32) throws {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var child = ChildSpecification(
            "/proc/self/exe", ["features"], environment: [], descriptors: [listener, null, null])
        child.directory = GuestLink.documents
        child.newSession = true
        child.credentials = .init(uid: user, gid: user)
        child.dropCapabilities = true
        _ = try ChildProcess.fork(child)
    }

    // MARK: In the child

    private struct Connection {
        let socket: Descriptor
        let deadline: ContinuousClock.Instant
        var received: [UInt8] = []
        var answer: ArraySlice<UInt8> = []
        var isAnswered = false
    }

    private let listener: Descriptor
    private var connections: [Connection] = []

    static func run() -> Never {
        Signals.ignoreBrokenPipes()
        var server = FeatureServer(listener: Descriptor(owning: 0))
        do {
            while true { try server.turn() }
        } catch {
            exit(1)
        }
    }

    private mutating func turn() throws {
        var awaited: [(Int32, Poll.Interest)] = connections.map {
            ($0.socket.raw, $0.isAnswered ? .writable : .readable)
        }
        // The kernel keeps others waiting.
        if connections.count < Self.mostConnections { awaited.append((listener.raw, .readable)) }
        let ready = try Poll.wait(awaited, until: connections.map(\.deadline).min())
        let now = ContinuousClock.now
        for index in connections.indices.reversed() {
            let goesOn: Bool
            do { goesOn = try ready[index] == [] || advance(&connections[index]) } catch { goesOn = false }
            if !goesOn || connections[index].deadline <= now { connections.remove(at: index) }
        }
        if ready.count > connections.count, awaited.last?.0 == listener.raw, ready.last != [],
            let socket = try Socket.acceptAnyone(listener)
        {
            connections.append(Connection(socket: socket, deadline: now.advanced(by: Self.patience)))
        }
    }

    /// False when the connection is done with.
    private func advance(_ connection: inout Connection) throws -> Bool {
        if !connection.isAnswered {
            guard let bytes = try connection.socket.read(upTo: FeatureRequest.mostBytes) else { return true }
            connection.received += bytes
            switch FeatureRequest.read(connection.received) {
            case .incomplete: return !bytes.isEmpty
            case .refused(let status): connection.answer = FeatureRequest.answer(status, [])[...]
            case .request(let request): connection.answer = Self.answer(request)[...]
            }
            connection.isAnswered = true
        }
        connection.answer = connection.answer.dropFirst(try connection.socket.writeSome(connection.answer))
        return !connection.answer.isEmpty
    }

    private static func answer(_ request: FeatureRequest) -> [UInt8] {
        do {
            let body: [UInt8]
            switch request.target {
            case .directory(nil): body = lines(GuestLink.featureDirectories)
            case .directory(.some(let directory)):
                body = lines(try Files.list(directory).filter(FeatureRequest.isKey))
            case .key(let key, let directory): body = try Files.read("\(directory)/\(key)", limit: mostBytes)
            }
            return FeatureRequest.answer(.ok, body, isHead: request.isHead)
        } catch {
            return FeatureRequest.answer(.notFound, [])
        }
    }

    private static func lines(_ names: [String]) -> [UInt8] { Array(names.map { "\($0)\n" }.joined().utf8) }
}
