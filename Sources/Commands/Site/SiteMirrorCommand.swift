import ArgumentParser
import Distribution
import Glibc
import GridModel
import HTTPServer
import HTTPTransport
import ImageStore
import Linux
import Machine
import Settings

struct SiteMirror: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mirror",
        abstract: "Keep a full copy of the catalogues that this site follows, and serve it.",
        usage: """
            sojourn site mirror <directory> [<options>]
            sojourn site mirror --host --serve <address:port> [<options>]
            """,
        discussion: """
            sojourn site mirror /srv/mirror
            sojourn site mirror /srv/mirror --serve 0.0.0.0:8470 --rate 100MB
            sojourn site mirror --host --serve 10.0.0.3:8471 --mirror http://mirror.example.org:8470

            The first makes /srv/mirror a copy that any web server can serve. The second serves it too, copies anew every 15 \
            minutes, and tells hosts of each other. The third, on a host, gives what its home holds of the catalogues' images to \
            other hosts. Homes use the mirrors that their config.yaml names: 'mirrors: [http://mirror.example.org:8470]'. \
            What serves ends at TERM. Returns 1 where there is nothing to copy, or a catalogue could not be copied: what is \
            served of it stays as it was.
            """)

    @OptionGroup var home: HomeOptions
    @OptionGroup var copying: MirrorCopyOptions
    @OptionGroup var serving: MirrorServingOptions
    @Argument(help: "The copy: a new directory, or one of an earlier copy.", completion: .directory)
    var directory: String?
    @Flag(name: .long, help: "Serve what this home holds of the catalogues' images, and copy nothing.") var host = false
    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --host: a mirror to tell what is here. By default those of config.yaml.", valueName: "url"))
    var mirror: [String] = []

    func validate() throws {
        if host {
            guard directory == nil else { throw ValidationError("--host serves the home; a directory is for a copy") }
            guard serving.serve != nil else {
                throw ValidationError("say where other hosts reach this one: --serve ADDRESS:PORT")
            }
        } else {
            guard directory != nil else { throw ValidationError("name the directory of the copy, or give --host") }
            guard mirror.isEmpty else { throw ValidationError("--mirror goes with --host") }
            if serving.serve == nil, serving.isLimited { throw ValidationError("limits and logs go with --serve") }
        }
    }

    func run() throws {
        Signals.ignoreBrokenPipes()
        // Before there are threads, which then leave them alone too.
        let signals = try Signals([SIGTERM, SIGINT, SIGHUP])
        let home = try home.open()
        if let directory {
            try MirrorKeeping(directory, home, copying, serving, signals).run()
        } else if let address = serving.serve {
            try share(home, at: address, signals)
        }
    }

    private func share(_ home: Home, at address: ListeningAddress, _ signals: Signals) throws {
        let settings = try Configuration.read(home).site
        let mirrors = mirror.isEmpty ? settings.mirrors : try mirror.map(HTTPAddress.init(parsing:))
        let log = try serving.log()
        try HTTPTransport.with(environment: Host.variables) { transport in
            let sharing = HostSharing(
                try ImageStore(home: home), settings, at: address, mirrors: mirrors, transport: transport,
                limits: serving.limits, log: log)
            let thread = try WorkThread {
                do { try sharing.run { Report.line("sojourn: \($0)") } } catch { Report.error("\(error)") }
            }
            if let port = sharing.port(until: .now + .seconds(5)) {
                try Served(home: home.path, host: address.host, port: port).showNow(asJSON: copying.json)
            }
            while signals.take().isEmpty { _ = try Poll.wait([(signals.descriptor.raw, .readable)], until: nil) }
            sharing.stop()
            thread.join()
        }
    }

    private struct Served: Shown {
        let home: String
        let host: String
        let port: Int

        func printForPeople() { Report.line("sojourn: serving the blobs of \(home) at \(host) port \(port)") }
    }
}
