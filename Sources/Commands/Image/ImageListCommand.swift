import ArgumentParser
import GridModel
import ImageFormat
import ImageStore
import StrictJSON

struct ImageListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the images and kernels of the home.")

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let entries = try (store.images().map(ImageListEntry.init) + store.kernels().map(ImageListEntry.init))
            .sorted { ($0.name, $0.created) < ($1.name, $1.created) }
        if json { return try Report.data(try StrictJSON.encode(entries, pretty: true)) }
        let rows = entries.map {
            [$0.name, $0.digest.short, $0.newest ? "newest" : "", ByteCount($0.size).rounded, $0.system]
        }
        Output.table(["NAME", "DIGEST", "", "SIZE", "SYSTEM"], rows)
    }
}

/// A line of `image list`, and its JSON.
struct ImageListEntry: Encodable {
    var kind: String
    var name: String
    var digest: Digest
    /// True for the one that the name means.
    var newest: Bool
    /// Bytes of all its blobs.
    var size: Int64
    var created: Timestamp
    var system: String

    init(_ image: StoredImage) {
        kind = "image"
        name = image.environment.description
        digest = image.digest
        newest = image.isNewest
        size = image.size
        created = image.configuration.created
        system = image.configuration.systemName
    }

    init(_ kernel: StoredKernel) {
        kind = "kernel"
        name = kernel.name
        digest = kernel.digest
        newest = kernel.isNewest
        size = kernel.size
        created = kernel.configuration.created
        system = "Linux \(kernel.configuration.release)"
    }
}
