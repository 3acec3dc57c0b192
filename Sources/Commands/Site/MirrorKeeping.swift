import ArgumentParser
import Distribution
import Glibc
import GridModel
import HTTPTransport
import ImageStore
import Linux
import Machine
import Settings
import StrictJSON

/// Copies, and serves meanwhile, until it is done or told to end.
struct MirrorKeeping {
    private let directory: String
    private let home: Home
    private let copying: MirrorCopyOptions
    private let serving: MirrorServingOptions
    private let signals: Signals

    init(
        _ directory: String, _ home: Home, _ copying: MirrorCopyOptions, _ serving: MirrorServingOptions,
        _ signals: Signals
    ) {
        self.directory = directory
        self.home = home
        self.copying = copying
        self.serving = serving
        self.signals = signals
    }

    /// How often a served copy is made anew.
    private static let usualInterval = Duration.seconds(900)

    private var interval: Duration? {
        if copying.once { return nil }
        return copying.every?.duration ?? (serving.serve == nil ? nil : Self.usualInterval)
    }

    func run() throws {
        var server: MirrorServer?
        if let address = serving.serve {
            let started = try MirrorServer(
                directory, host: address.host, port: address.port, limits: serving.limits, log: try serving.log())
            Report.line("sojourn: serving \(directory) at \(address.host) port \(started.port)")
            server = started
        }
        defer { stop(server) }
        // Closed by the end of the process: a copy that is interrupted goes on with it until then.
        let transport = HTTPTransport(environment: Host.variables)
        while true {
            guard let isWhole = try copyOnce(transport) else { return try interrupted(isServing: server != nil) }
            guard interval != nil || server != nil else {
                if !isWhole { throw ExitCode(1) }
                return
            }
            guard try rest(until: interval.map { .now + $0 }) else { return }
        }
    }

    private func stop(_ server: MirrorServer?) {
        do { try server?.stop() } catch { Report.error("\(error)") }
    }

    /// A server's end is no fault; a copy that was not finished is.
    private func interrupted(isServing: Bool) throws {
        Report.line("sojourn: interrupted; the next copy goes on from here")
        if !isServing { throw ExitCode(1) }
    }

    /// Waits; false where it is told to end.
    private func rest(until moment: ContinuousClock.Instant?) throws -> Bool {
        while moment.map({ $0 > .now }) ?? true {
            _ = try Poll.wait([(signals.descriptor.raw, .readable)], until: moment)
            if !signals.take().isEmpty { return false }
        }
        return true
    }

    /// True where all of it could be copied; nil where it is told to end.
    private func copyOnce(_ transport: HTTPTransport) throws -> Bool? {
        let (done, tell) = try Descriptor.pipe()
        let result = Guarded(Result<MirrorCopy.Report, any Error>?.none)
        let progress = ProgressLine(isWanted: !copying.quiet && !copying.json)
        let (directory, home, copying) = (directory, home, (copying.verify, copying.grace))
        _ = try WorkThread {
            let found = Result {
                try MirrorCopy(
                    into: directory, over: transport, now: .now, isThorough: copying.0, progress: progress.show
                ).run(try Configuration.read(home).site.catalogues, grace: copying.1)
            }
            result.withLock { $0 = found }
            // Nobody reads where it was told to end.
            do { try tell.write([1]) } catch {}
        }
        while true {
            _ = try Poll.wait([(signals.descriptor.raw, .readable), (done.raw, .readable)], until: nil)
            if !signals.take().isEmpty { return nil }
            guard let found = result.withLock({ $0 }) else { continue }
            progress.clear()
            switch found {
            case .success(let report):
                try show(report)
                // Where it is no terminal, whoever reads along would wait for the end.
                fflush(nil)
                return report.isWhole && !report.catalogues.isEmpty
            case .failure(let error):
                // A full disk may be emptied while it serves.
                guard interval != nil else { throw error }
                Report.error("\(error)")
                return false
            }
        }
    }

    private struct Answer: Encodable {
        struct Catalogue: Encodable {
            let name: String
            let artifacts: Int
            let blobs: Int
            let bytes: Int64
            let expires: Timestamp?
            let warnings: [String]
            let error: String?
        }

        let catalogues: [Catalogue]
        let removed: Int
    }

    private func show(_ report: MirrorCopy.Report) throws {
        if copying.json {
            let catalogues = report.catalogues.map {
                Answer.Catalogue(
                    name: $0.name, artifacts: $0.artifacts, blobs: $0.blobs, bytes: $0.bytes, expires: $0.expires,
                    warnings: $0.warnings, error: $0.error)
            }
            return try Report.data(
                try StrictJSON.encode(Answer(catalogues: catalogues, removed: report.removed)) + [10])
        }
        if report.catalogues.isEmpty {
            Report.line("sojourn: no catalogue is trusted here yet: sojourn site trust --help says how")
        }
        for catalogue in report.catalogues {
            if let error = catalogue.error { Report.error("\(catalogue.name): \(error)") }
            for warning in catalogue.warnings { Report.line("sojourn: \(catalogue.name): \(warning)") }
            if copying.quiet || catalogue.error != nil { continue }
            let came = "\(catalogue.blobs.counted("blob")) of \(ByteCount(catalogue.bytes).rounded) came"
            let until = catalogue.expires.map { ", holds until \($0)" } ?? ""
            let what = catalogue.artifacts.counted("image or kernel", "images and kernels")
            print("\(catalogue.name): \(what), \(came)\(until)")
        }
        if report.removed > 0, !copying.quiet {
            print("removed \(report.removed.counted("file")) that nothing names any more")
        }
    }
}
