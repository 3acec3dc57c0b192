import ArgumentParser
import Distribution
import Glibc
import HTTPServer
import Linux
import Settings

struct CatalogueServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a catalogue over HTTP.",
        discussion: """
            Prints the address. Any web server that serves ranges does as well, such as nginx; this one needs no configuration \
            and can limit its rate. By default it serves this host alone, at a free port (127.0.0.1:0). Ends at TERM or an \
            interrupt.

            sojourn catalogue serve /srv/catalogue --serve 0.0.0.0:8470
            """)

    @Argument(help: "The catalogue's directory.", completion: .directory) var catalogue: String
    @OptionGroup var serving: MirrorServingOptions
    @Flag(name: .long, help: "Print the address as JSON.") var json = false

    func run() throws {
        guard let directory = Files.canonical(catalogue), Files.exists("\(directory)/metadata/timestamp.json") else {
            throw DistributionError(
                .unknownReference,
                "\(catalogue) is no published catalogue: it has no metadata/timestamp.json; publish into it first: "
                    + "sojourn catalogue publish")
        }
        let address = try serving.serve ?? ListeningAddress(parsing: "127.0.0.1:0")
        let signals = try Signals([SIGTERM, SIGINT, SIGHUP])
        let tree = try FileTree(directory)
        let server = try HTTPServer(
            host: address.host, port: address.port, limits: serving.limits, log: try serving.log(),
            answer: { try tree.reply(to: $0) })
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        try Answer(url: "http://\(host):\(server.port)").showNow(asJSON: json)
        while signals.take().isEmpty { _ = try Poll.wait([(signals.descriptor.raw, .readable)], until: nil) }
        try server.stop(grace: .seconds(5))
    }

    private struct Answer: Shown {
        let url: String

        func printForPeople() { print(url) }
    }
}
