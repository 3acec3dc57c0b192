import ArgumentParser
import BlockServer
import Distribution
import Glibc
import GridModel
import ImageFormat
import ImageStore
import Linux
import Settings

struct ImageServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a filesystem of an image over NBD, at a Unix socket.",
        discussion: """
            sojourn image serve os/debian12 --socket /tmp/s
            nbdcopy 'nbd+unix:///?socket=/tmp/s' filesystem.erofs

            As machines get it: read-only, every block verified, what is not here fetched from the catalogues that this \
            site follows. For looking into an image with other tools, and for measuring. Ends at TERM or an interrupt.
            """)

    @Argument(help: "An environment, a digest, or at least 8 digits of one.")
    var reference: String

    @Option(help: ArgumentHelp("The socket to make.", valueName: "path"), completion: .file())
    var socket: String

    @Option(help: ArgumentHelp("The filesystem; by default the lowest. 'image show' names them.", valueName: "name"))
    var layer: String?

    @Flag(help: "Fetch what is asked for, and nothing else.")
    var noFill = false

    @Flag(help: "Print what is served as JSON, once it is.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        Signals.ignoreBrokenPipes()
        let signals = try Signals([SIGTERM, SIGINT, SIGHUP])
        let store = try home.store()
        let image = try store.image(reference: reference)
        guard let layer = image.layers.first(where: { layer == nil || $0.name == layer }) else {
            throw ImageStoreError(
                .unknownReference,
                "\(image.environment) has no filesystem '\(self.layer ?? "")'; it has: "
                    + image.layers.map(\.name).joined(separator: ", "))
        }
        try CataloguePlaces.with(try Configuration.read(store.home).site, environment: Host.variables) { places in
            let fill = try BlockFill(
                BlockFetch(try SparseBlob(layer, in: store), from: { places.all($0) }),
                trace: try store.bootTrace(of: image.digest)?.blocks(of: layer.filesystem.digest) ?? [])
            if !noFill { fill.fillRest() }
            let server = BlockServer()
            defer {
                server.close()
                fill.stop()
                server.stop()
                for place in fill.report.bytes { Report.line("sojourn: \(place.bytes) bytes from \(place.place)") }
                for fault in fill.report.faults { Report.line("sojourn: \(fault)") }
            }
            let blocks = ServedBlocks(fill.blob, fill) { Report.error("\($0)") }
            let listener = try Socket.listen(at: socket)
            try listener.setNonblocking()
            try Served(image, layer, socket).showNow(asJSON: json)
            while signals.take().isEmpty {
                _ = try Poll.wait([(listener.raw, .readable), (signals.descriptor.raw, .readable)], until: nil)
                while let client = try Socket.accept(listener) {
                    try client.setBlocking()
                    try server.serve(blocks, at: client)
                }
            }
            try Files.remove(socket)
        }
    }
}

/// What a served filesystem is.
private struct Served: Shown {
    let socket: String
    let environment: Environment
    let image: Digest
    let layer: String
    let digest: Digest
    let size: Int64

    init(_ image: StoredImage, _ layer: ImageLayer, _ socket: String) {
        self.socket = socket
        environment = image.environment
        self.image = image.digest
        self.layer = layer.name
        digest = layer.filesystem.digest
        size = layer.filesystem.size
    }

    func printForPeople() {
        Report.line("sojourn: serving the filesystem \(layer) of \(environment) at \(socket)")
    }
}
