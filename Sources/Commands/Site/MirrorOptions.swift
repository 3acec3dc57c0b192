import ArgumentParser
import Glibc
import GridModel
import HTTPServer
import Linux
import Machine
import Settings
import StrictJSON

/// How a mirror copies.
struct MirrorCopyOptions: ParsableArguments {
    @Flag(name: .long, help: "With --serve: copy once, and not again.") var once = false
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Copy anew after this time, until told to end. By default 15m where it serves.", valueName: "time"),
        transform: WallTime.init(parsing:))
    var every: WallTime?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep for this time what no catalogue names any more: somebody may be reading it. By default 1d.",
            valueName: "time"),
        transform: WallTime.init(parsing:))
    var grace = WallTime(seconds: 86400)
    @Flag(name: .long, help: "Read and hash blobs that are there already; fetch what is damaged again.") var verify =
        false
    @Flag(name: .long, help: "As JSON: one line for each copy; with --host one for the port.") var json = false
    @Flag(name: [.long, .short], help: "Say only what went wrong.") var quiet = false

    func validate() throws {
        if once, every != nil { throw ValidationError("--once and --every contradict each other") }
        if let every, every.seconds < 1 { throw ValidationError("--every takes a second at least") }
    }
}

/// How a mirror, or a host, serves.
struct MirrorServingOptions: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("Serve at this address.", valueName: "address:port"),
        transform: ListeningAddress.init(parsing:))
    var serve: ListeningAddress?
    @Option(
        name: .long,
        help: ArgumentHelp("Send at most so many bytes a second in all, such as 100MB.", valueName: "size"),
        transform: ByteCount.init(parsing:))
    var rate: ByteCount?
    @Option(
        name: .long, help: ArgumentHelp("And so many to one address.", valueName: "size"),
        transform: ByteCount.init(parsing:))
    var ratePerClient: ByteCount?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Serve at most so many connections at once; others are told to come again.", valueName: "count"))
    var connections = Self.usualConnections
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Append a line of JSON for each answer to this file; '-' is standard error.", valueName: "file"),
        completion: .file())
    var accessLog: String?

    func validate() throws {
        guard (1...100_000).contains(connections) else { throw ValidationError("--connections is from 1 to 100000") }
        for rate in [rate, ratePerClient].compactMap({ $0 }) where rate.bytes < 1024 {
            throw ValidationError("a rate is 1KiB a second at least")
        }
    }

    /// Whether anything is said of how to serve.
    var isLimited: Bool {
        rate != nil || ratePerClient != nil || connections != Self.usualConnections || accessLog != nil
    }

    private static let usualConnections = 512

    var limits: ServerLimits {
        var limits = ServerLimits()
        limits.connections = connections
        limits.bytesPerSecond = rate?.bytes
        limits.bytesPerSecondPerClient = ratePerClient?.bytes
        return limits
    }

    /// Opens the log; nothing is done where none is wanted.
    func log() throws -> @Sendable (AccessRecord) -> Void {
        guard let accessLog else { return { _ in } }
        let file =
            accessLog == "-"
            ? try Descriptor(duplicating: STDERR_FILENO)
            : try Descriptor.open(accessLog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode: 0o640)
        return { record in
            struct Line: Encodable {
                let time: Timestamp
                let access: AccessRecord
            }
            do {
                let line = try StrictJSON.encode(Line(time: .now, access: record))
                // In one call: lines of several threads do not mix.
                try file.write(line + [10])
            } catch { Report.error("the access log: \(error)") }
        }
    }
}
