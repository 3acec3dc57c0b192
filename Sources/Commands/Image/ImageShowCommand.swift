import ArgumentParser
import GridModel
import ImageFormat
import ImageStore
import StrictJSON

struct ImageShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one image.")

    @Argument(help: "An environment, a digest, or at least 8 digits of one.")
    var reference: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let image = try store.image(reference: reference)
        let description = ImageDescription(image, kernel: try store.kernel(of: image))
        if json {
            print(String(decoding: try StrictJSON.encode(description, pretty: true), as: UTF8.self))
        } else {
            Output.fields(description.fields)
        }
    }
}

/// What `image show` prints.
struct ImageDescription: Encodable {
    struct Layer: Encodable {
        var name: String
        var digest: Digest
        var size: Int64
        var verityTree: Digest
        var verityRoot: String
    }

    var environment: Environment
    var digest: Digest
    var newest: Bool
    var system: String
    var created: Timestamp
    var kernel: Digest
    var kernelRelease: String
    var guestInterface: Int
    var needs: ImageNeeds
    var variables: [String]
    var layers: [Layer]
    var checks: [String]
    var purpose: String?
    var licence: String?

    init(_ image: StoredImage, kernel: StoredKernel) {
        environment = image.environment
        digest = image.digest
        newest = image.isNewest
        system = image.configuration.systemName
        created = image.configuration.created
        self.kernel = kernel.digest
        kernelRelease = kernel.configuration.release
        guestInterface = image.configuration.guestInterface
        needs = image.configuration.needs
        variables = image.configuration.variables
        layers = image.layers.map {
            Layer(
                name: $0.name, digest: $0.filesystem.digest, size: $0.filesystem.size,
                verityTree: $0.tree.digest, verityRoot: $0.verity.rootHash.hex)
        }
        checks = image.configuration.checks
        purpose = image.configuration.purpose
        licence = image.configuration.licence
    }

    var fields: [(String, String)] {
        var fields = [
            ("environment", "\(environment)\(newest ? "" : " (there is a newer one)")"), ("digest", "\(digest)"),
            ("system", system),
            ("packages of", "\(created)"), ("kernel", "\(kernelRelease), \(kernel)"),
            ("needs", "\(needs.memory) of memory, \(needs.cores) core(s)"),
        ]
        fields += layers.map {
            ("layer \($0.name)", "\($0.digest), \(ByteCount($0.size).rounded), verity root \($0.verityRoot)")
        }
        fields += variables.map { ("variable", $0) } + checks.map { ("check", $0) }
        if let purpose { fields.append(("purpose", purpose)) }
        if let licence { fields.append(("licence", licence)) }
        return fields
    }
}
