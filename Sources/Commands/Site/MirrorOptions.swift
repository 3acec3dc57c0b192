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
    @Flag(name: .long, help: "Copy once, and not again while serving.") var once = false
    @Option(
        name: .long, help: "Copy anew after this time, until told to end. By default 15m where it serves.",
        transform: WallTime.init(parsing:))
    var every: WallTime?
    @Option(
        name: .long, help: "Keep for this time what no catalogue names any more: somebody may be reading it.",
        transform: WallTime.init(parsing:))
    var grace = WallTime(seconds: 86400)
    @Flag(name: .long, help: "Read and hash blobs that are there already; fetch what is damaged again.") var verify =
        false
    @Flag(name: .long, help: "As JSON, one line for each copy.") var json = false
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
    @Option(name: .long, help: "Send at most so many bytes a second in all.", transform: ByteCount.init(parsing:))
    var rate: ByteCount?
    @Option(name: .long, help: "And so many to one address.", transform: ByteCount.init(parsing:))
    var ratePerClient: ByteCount?
    @Option(name: .long, help: "Serve at most so many connections at once; others are told to come again.")
    var connections = 512
    @Option(
        name: .long, help: "Append a line of JSON for each answer to this file; '-' is standard error.",
        completion: .file())
    var accessLog: String?

    func validate() throws {
        guard (1...100_000).contains(connections) else { throw ValidationError("--connections is from 1 to 100000") }
        for rate in [rate, ratePerClient].compactMap({ $0 }) where rate.bytes < 1024 {
            throw ValidationError("a rate is 1KiB a second at least")
        }
    }

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
