import ArgumentParser
import BlockServer
import Distribution
import Glibc
import ImageFormat
import ImageStore
import Linux
import Settings

struct ImageServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a filesystem of an image over NBD, at a Unix socket.",
        discussion: """
            As machines get it: read-only, every block verified, what is not here fetched from the catalogues that this \
            site follows. For looking into an image (qemu-nbd, nbdfuse, nbdcopy: nbd+unix:///?socket=PATH) and for \
            measuring. Ends at an interrupt.
            """)

    @Argument(help: "An environment, a digest, or at least 8 digits of one.")
    var reference: String

    @Option(name: .long, help: "Where to listen.", completion: .file())
    var socket: String

    @Option(name: .long, help: "The name of a filesystem; by default the lowest.")
    var layer: String?

    @Flag(name: .long, help: "Fetch what is asked for, and nothing else.")
    var noFill = false

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
            Report.line("sojourn: serving \(layer.name) of \(image.environment) at \(socket)")
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
