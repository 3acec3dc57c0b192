import ArgumentParser
import Distribution
import Glibc
import GridModel
import HTTPTransport
import Linux
import Machine

/// The program `sojourn-tuf`: a client of any TUF repository, by the command line that tuf-conformance asks of clients.
struct TUFCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sojourn-tuf",
        abstract: "Follow a TUF repository.",
        discussion: """
            init ROOT    trust this root; nothing is fetched
            refresh      bring the metadata up to date
            download     bring it up to date, then fetch targets, one after the other until one fails

            Exits 0 where all was done, else 1.
            """)

    enum Action: String, ExpressibleByArgument { case `init`, refresh, download }

    @Option(help: ArgumentHelp("Where trusted metadata is kept.", valueName: "dir"), completion: .directory)
    var metadataDir: String

    @Option(help: ArgumentHelp("Where metadata is served.", valueName: "url"))
    var metadataURL: String?

    @Option(help: ArgumentHelp("A target's path; may be repeated.", valueName: "path"))
    var targetName: [String] = []

    @Option(help: ArgumentHelp("Where targets are served.", valueName: "url"))
    var targetBaseURL: String?

    @Option(help: ArgumentHelp("Where targets are kept.", valueName: "dir"), completion: .directory)
    var targetDir: String?

    @Argument var action: Action
    @Argument(help: "With init: the file of the first root.", completion: .file()) var root: String?

    func validate() throws {
        switch action {
        case .`init`: if root == nil { throw ValidationError("init needs the file of a root that you trust") }
        case _ where root != nil: throw ValidationError("only init takes the file of a root")
        case .refresh: if metadataURL == nil { throw ValidationError("refresh needs --metadata-url") }
        case .download:
            if metadataURL == nil || targetBaseURL == nil || targetDir == nil || targetName.isEmpty {
                throw ValidationError(
                    "download needs --metadata-url, --target-name, --target-base-url and --target-dir")
            }
        }
    }

    func run() throws {
        let directory = MetadataDirectory(path: metadataDir)
        let now = Timestamp.now
        try directory.withLock {
            if let root {
                return try MetadataUpdater.initialise(directory, root: try Files.read(root, limit: 1 << 20), now: now)
            }
            try HTTPTransport.with(environment: Host.variables) { transport in
                try follow(directory, transport, now)
            }
        }
    }

    private func follow(_ directory: MetadataDirectory, _ transport: HTTPTransport, _ now: Timestamp) throws {
        let source = ServedFiles(address: metadataURL ?? "", transport: transport)
        var updater = try MetadataUpdater(
            directory, root: try MetadataUpdater.storedRoot(directory), now: now, source: source)
        try updater.refresh()
        guard action == .download, let base = targetBaseURL, let targetDir else { return }
        try Files.makeDirectories(targetDir)
        let targets = TargetDownload(base: base, directory: targetDir, transport: transport)
        for name in targetName { try targets.fetch(name, by: &updater) }
    }
}

package enum TUFEntryPoint {
    package static func main() -> Never {
        StandardStreams.prepare()
        do {
            let command = try TUFCommand.parse()
            try command.run()
            exit(0)
        } catch  where TUFCommand.exitCode(for: error) == .success {
            print(TUFCommand.fullMessage(for: error))
            exit(0)
        } catch {
            Report.line("sojourn-tuf: \(TUFCommand.message(for: error))")
            exit(1)
        }
    }
}
