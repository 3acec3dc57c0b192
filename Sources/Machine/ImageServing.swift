import BlockServer
import Glibc
import GridModel
import ImageFormat
import ImageStore
import Linux

/// Serves the filesystems of one machine's image to its QEMU, bringing what is not here.
final class ImageServing: Sendable {
    /// What QEMU connects to, from the lowest filesystem up.
    let sockets: [Descriptor]
    /// Readable when a read has failed for good.
    let failed: Descriptor
    private let server = BlockServer()
    private let layers: [Layer]
    private let failures: Guarded<[any Error]>

    private struct Layer: Sendable {
        let blocks: ServedBlocks
        let fill: BlockFill
    }

    /// - Parameter isTraced: whether the order of reading is kept.
    init(_ image: StoredImage, in store: ImageStore, from places: @escaping RangePlaces, isTraced: Bool) throws {
        let failures = Guarded([any Error]())
        let (failed, tell) = try Descriptor.pipe()
        let trace = try store.bootTrace(of: image.digest)
        var layers: [Layer] = []
        var sockets: [Descriptor] = []
        do {
            for layer in image.layers {
                let blob = try SparseBlob(layer, in: store)
                let fill = try BlockFill(
                    BlockFetch(blob, from: places), trace: trace?.blocks(of: layer.filesystem.digest) ?? [])
                let blocks = ServedBlocks(blob, fill, isTraced: isTraced) { error in
                    failures.withLock { $0.append(error) }
                    var byte: UInt8 = 1
                    _ = write(tell.raw, &byte, 1)
                }
                layers.append(Layer(blocks: blocks, fill: fill))
                let (ours, theirs) = try Socket.pair()
                try server.serve(blocks, at: ours)
                sockets.append(theirs)
            }
        } catch {
            for layer in layers { layer.fill.stop() }
            server.stop()
            throw error
        }
        self.failures = failures
        self.failed = failed
        self.layers = layers
        self.sockets = sockets
    }

    /// Why blocks could not be served; the first of it.
    var failure: (any Error)? { failures.withLock { $0.first } }

    /// What was fetched meanwhile, and from where.
    var report: BlockReport { layers.reduce(into: BlockReport()) { $0.add($1.fill.report) } }

    var trace: BootTrace { BootTrace(layers.map { ($0.blocks.digest, $0.blocks.read) }) }

    /// Brings the rest of the image too. Not before the payload runs: starts of other machines need the line more.
    func fillRest() {
        for layer in layers { layer.fill.fillRest() }
    }

    /// Ends what is fetched and served; to be called when QEMU has ended.
    func stop() {
        server.close()
        for layer in layers { layer.fill.stop() }
        server.stop()
    }
}
