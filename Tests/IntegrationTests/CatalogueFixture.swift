import Foundation
import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON
import Testing

/// A directory with homes in which catalogues are made, by the real program, of images of a few bytes.
struct CataloguePlace {
    let place: Scratch
    private let program: String

    init() throws {
        place = try Scratch()
        program = try Sojourn.installed().program
    }

    static let kernel = "kernel-test"

    func path(_ name: String) -> String { "\(place.url.path)/\(name)" }
    var catalogue: String { path("catalogue") }

    func home(_ name: String) -> Sojourn {
        Sojourn(program: program, home: place.url.appendingPathComponent("homes/\(name)"))
    }

    func result(_ home: String, _ arguments: [String]) throws -> Sojourn.Result {
        try self.home(home)(arguments, in: place.url, deadline: .seconds(60))
    }

    /// Must succeed; the lines of standard output.
    @discardableResult
    func run(_ home: String, _ arguments: String...) throws -> [String] {
        let result = try result(home, arguments)
        try #require(result.status == 0, "\(arguments): \(result.error)")
        return result.output.split(separator: "\n").map(String.init)
    }

    /// Must be refused, saying all of these.
    func refused(_ home: String, _ arguments: [String], saying words: String..., status: Int32 = 1) throws {
        let result = try result(home, arguments)
        #expect(result.status == status, "\(arguments): \(result.output)\(result.error)")
        for word in words { #expect(result.error.contains(word), "'\(word)' is not in: \(result.error)") }
    }

    func json(_ home: String, _ arguments: String...) throws -> JSONValue {
        let result = try result(home, arguments + ["--json"])
        try #require(result.status == 0, "\(arguments): \(result.error)")
        return try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "\(arguments)")
    }

    func publish(_ drafts: [String], by home: String = "publisher") throws {
        let result = try result(home, ["catalogue", "publish"] + drafts + ["--catalogue", catalogue])
        try #require(result.status == 0, "\(drafts): \(result.error)")
    }

    /// Makes a key without a passphrase; the path of its public part.
    @discardableResult
    func key(_ home: String, _ name: String, type: String = "ed25519") throws -> String {
        try run(home, "key", "create", name, "--type", type, "--no-passphrase")
        return path("homes/\(home)/keys/\(name).pub")
    }

    /// A catalogue with one root key and an experiment that the publisher endorses for alone.
    func begin(type: String = "ed25519") throws {
        try key("publisher", "root", type: type)
        try key("publisher", "alice", type: type)
        try run("publisher", "catalogue", "init", catalogue)
        for experiment in ["lhc", "os"] {
            try publish(
                run(
                    "publisher", "catalogue", "add-experiment", experiment, "--endorser", "alice", "--catalogue",
                    catalogue))
        }
    }

    /// Drafts an endorsement; the path of the draft.
    func endorse(_ reference: String, by home: String = "publisher", until: String = "90d") throws -> String {
        try #require(run(home, "endorse", reference, "--until", until, "--catalogue", catalogue).first)
    }

    // MARK: python-tuf

    /// What python-tuf makes of the catalogue from a root on: versions by role.
    @discardableResult
    func follow(_ targets: [String], root: String = "1.root.json") throws -> JSONValue {
        let result = try Self.python([catalogue, "\(catalogue)/metadata/\(root)"] + targets)
        try #require(result.status == 0, "\(result.error)")
        return try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "tuf-client")
    }

    static func python(_ arguments: [String]) throws -> Sojourn.Result {
        let python = try #require(ProcessInfo.processInfo.environment["SOJOURN_TEST_PYTHON"], "run by 'make test'")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Scripts/test-tools/tuf-client.py")
        return try Workshop.tool(python, [script.path] + arguments)
    }

    // MARK: Images

    /// Puts an image of a few bytes into a home, with its kernel; its digest.
    @discardableResult
    func image(_ environment: String, in home: String, content: UInt8 = 1) throws -> GridModel.Digest {
        let store = try ImageStore(home: try Home(at: self.home(home).home.path))
        let kernel = try TinyImage.kernel(Self.kernel, store)
        return try TinyImage.image(try Environment(parsing: environment), kernel: kernel, content: content, store)
    }
}

/// Images and kernels that nothing boots.
enum TinyImage {
    private static let time = Timestamp(seconds: 1_700_000_000)

    static func kernel(_ name: String, _ store: ImageStore) throws -> GridModel.Digest {
        let parts = [
            try store.add(Array("kernel".utf8), mediaType: MediaType.vmlinuz),
            try store.add(Array("modules".utf8), mediaType: MediaType.modules),
        ]
        var configuration = KernelConfiguration(
            architecture: "amd64", created: time, name: name, release: "6.1.0", debianVersion: "6.1-1", loadOrder: [],
            lateOrder: [])
        configuration.parts = parts.map(\.digest)
        return try enter(MediaType.kernel, try configuration.encoded(), parts, as: name, store)
    }

    static func image(
        _ environment: Environment, kernel: GridModel.Digest, content: UInt8, _ store: ImageStore
    ) throws -> GridModel.Digest {
        let data = [UInt8](repeating: content, count: 3 * VerityFormat.blockSize)
        return try image(environment, kernel: kernel, data: data, store)
    }

    /// With this filesystem: whole blocks.
    @discardableResult
    static func image(
        _ environment: Environment, kernel: GridModel.Digest, data: [UInt8], _ store: ImageStore
    ) throws -> GridModel.Digest {
        let (tree, root) = try verity(data)
        let name = [Annotation.layerName: "system"]
        let layers = [
            try store.add(
                data, mediaType: MediaType.layer, annotations: root.annotations.merging(name) { old, _ in old }),
            try store.add(tree, mediaType: MediaType.verityTree, annotations: name),
        ]
        var configuration = ImageConfiguration(
            architecture: "amd64", created: time, environment: environment, variables: [], layers: [layers[0].digest],
            kernel: kernel, systemName: "Test", needs: ImageNeeds())
        configuration.purpose = "tests of catalogues"
        configuration.licence = "Apache-2.0"
        return try enter(
            MediaType.image, try configuration.encoded(), layers, as: environment.description, store)
    }

    private static func enter(
        _ type: String, _ configuration: [UInt8], _ parts: [OCIDescriptor], as name: String, _ store: ImageStore
    ) throws -> GridModel.Digest {
        let package = InstalledPackage(type: .deb, name: "base-files", version: "12.4", architecture: "amd64")
        let packages = try PackageList(distribution: "debian", packages: [package]).encoded()
        let manifest = OCIManifest(
            artifactType: type, config: try store.add(configuration, mediaType: MediaType.imageConfiguration),
            layers: parts + [try store.add(packages, mediaType: MediaType.packages)],
            annotations: [Annotation.name: name])
        let digest = try store.register(manifest, as: name, at: time)
        try store.makeNewest(digest)
        return digest
    }

    static func verity(_ data: [UInt8]) throws -> (tree: [UInt8], root: VerityRoot) {
        let (input, output) = (try Descriptor.memory(named: "data"), try Descriptor.memory(named: "tree"))
        try input.write(data)
        let root = try VerityTree.write(
            of: input.raw, size: Int64(data.count), to: output.raw,
            format: VerityFormat(uuid: StableUUID(name: "test")), cores: 1)
        var tree = [UInt8](repeating: 0, count: Int(try output.size()))
        let got = try tree.withUnsafeMutableBytes { try output.read(into: $0, at: 0) }
        try #require(got == tree.count)
        return (tree, root)
    }
}
