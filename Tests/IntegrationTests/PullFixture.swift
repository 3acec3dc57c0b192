import Foundation
import GridModel
import ImageFormat
import ImageStore
import Linux
import StrictJSON
import Testing

/// A publisher whose images are a filesystem of known blocks each, a server with ranges that counts, and sites that follow.
struct PullPlace {
    let work: CataloguePlace
    let server: RangeServer
    let kernel: GridModel.Digest
    static let environment = "lhc/pythia8:8.317.2@debian12"

    init() throws {
        work = try CataloguePlace()
        try work.begin()
        kernel = try WholeImage.kernel(try Self.store(work, "publisher"), in: work.place)
        try work.publish([try work.endorse(kernel.description)])
        server = try RangeServer(of: work.catalogue)
        try follow("site")
    }

    private static func store(_ work: CataloguePlace, _ home: String) throws -> ImageStore {
        try ImageStore(home: try Home(at: work.home(home).home.path))
    }

    func store(_ home: String) throws -> ImageStore { try Self.store(work, home) }

    func follow(_ home: String) throws {
        try work.run(
            home, "site", "trust", server.url(""), "--name", "lhc", "--root",
            "\(work.catalogue)/metadata/1.root.json")
    }

    /// Builds an image of these blocks and publishes it; its digest.
    @discardableResult
    func publish(_ data: [UInt8], as name: String = environment, deltas: Int = 2) throws -> GridModel.Digest {
        let digest = try WholeImage.image(
            try Environment(parsing: name), kernel: kernel, data, try store("publisher"))
        try work.run(
            "publisher", "catalogue", "publish", try work.endorse(digest.description), "--catalogue", work.catalogue,
            "--deltas", "\(deltas)")
        return digest
    }

    /// Endorsements are dated to the second: what is published after this is newer.
    func nextSecond() throws {
        let second = Date()
        try eventually(.seconds(5), "the next second") { Date().timeIntervalSince(second) > 1.05 }
    }

    func sync(_ home: String = "site") throws { try work.run(home, "site", "sync", "--no-images") }

    func pull(_ digest: GridModel.Digest, _ options: String..., by home: String = "site") throws -> Sojourn.Result {
        try work.result(home, ["image", "pull", digest.description] + options)
    }

    /// Must succeed and leave the image whole and sound.
    @discardableResult
    func pulled(_ digest: GridModel.Digest, _ options: String..., by home: String = "site") throws -> JSONValue {
        let result = try work.result(home, ["image", "pull", digest.description, "--json"] + options)
        try #require(result.status == 0, "\(result.error)")
        try work.run(home, "image", "verify", digest.description)
        return try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "pull")
    }

    /// What a pull would take.
    func asked(_ digest: GridModel.Digest, _ options: String...) throws -> JSONValue {
        let result = try work.result("site", ["image", "pull", digest.description, "--json", "--dry-run"] + options)
        try #require(result.status == 0, "\(result.error)")
        return try StrictJSON.decode(JSONValue.self, from: Array(result.output.utf8), source: "pull")
    }

    func layer(_ digest: GridModel.Digest) throws -> GridModel.Digest {
        try #require(try store("publisher").image(reference: digest.description).layers.first).filesystem.digest
    }

    /// The file that tells of deltas to an image's filesystem.
    func hints(_ digest: GridModel.Digest) throws -> String {
        "\(work.catalogue)/deltas/sha256/\(try layer(digest).hex).json"
    }
}

/// `range-server.py`.
struct RangeServer {
    private let state = try? Scratch()
    private let running: Running
    private let port: Int

    init(of directory: String) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Scripts/test-tools/range-server.py")
        let state = try #require(state)
        running = try Running(
            program: "/usr/bin/env", arguments: ["python3", script.path, directory, state.url.path], directory: nil,
            input: nil, environment: [:])
        try running.wait(for: "\n", within: .seconds(30))
        port = try #require(Int(running.output.prefix { $0 != "\n" }))
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

    /// What is done to paths that begin so; see the script.
    func fail(_ faults: String...) throws { try state?.write(faults.map { "\($0)\n" }.joined(), to: "faults") }
    var faultsPath: String { "\(state?.url.path ?? "")/faults" }

    struct Answer {
        let path: String
        let bytes: Int64
    }

    /// All answers with something in them, of paths that begin so.
    func answers(_ prefix: String = "") -> [Answer] {
        (state?.text("log") ?? "").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 4, ["200", "206"].contains(words[1]), words[0].hasPrefix(prefix) else { return nil }
            return Answer(path: words[0], bytes: Int64(words[2]) ?? 0)
        }
    }

    /// What moved of images: not metadata, nor what tells of deltas.
    var moved: Int64 { (answers("blobs/") + answers("targets/")).reduce(0) { $0 + $1.bytes } }
}

/// Filesystems of blocks that a test knows.
enum Blocks {
    /// The same for the same number; half noise, half text.
    static func block(_ number: Int) -> [UInt8] {
        var state = UInt64(number) &* 2_654_435_761 &+ 12345
        let line = Array("block \(number) of a filesystem\n".utf8)
        return (0..<4096).map { place in
            if place % 2 == 0 { return line[place % line.count] }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    /// The block with a few of its bytes changed.
    static func edited(_ number: Int, _ edit: UInt8) -> [UInt8] {
        var bytes = block(number)
        for place in stride(from: 100, to: 200, by: 3) { bytes[place] = edit }
        return bytes
    }

    static func all(_ numbers: some Sequence<Int>) -> [UInt8] { numbers.flatMap(block) }

    static let count = 300
    static let old = all(0..<count)
    /// Edited here and there, with some blocks moved, some new, one of them twice, and zeros.
    static let new =
        all(0..<20) + (20..<30).flatMap { edited($0, 7) } + all(30..<100) + edited(101, 9) + block(102)
        + edited(103, 9) + all(150..<count) + [UInt8](repeating: 0, count: 8192) + all(110..<140) + block(1000)
        + block(1001) + block(1000)
}

/// Images and kernels that every check of an import passes, and nothing boots.
enum WholeImage {
    private static let time = Timestamp(seconds: 1_700_000_000)
    private static let kernelName = "kernel-test"

    static func kernel(_ store: ImageStore, in place: Scratch) throws -> GridModel.Digest {
        try Workshop.run(
            "/bin/sh",
            ["-c", "mkdir -p lib/modules/6.1.0 && find lib | cpio --quiet -o -H newc > modules.cpio"], in: place.url)
        let modules = [UInt8](try Data(contentsOf: place.url.appendingPathComponent("modules.cpio")))
        let parts = [
            try store.add(Array("kernel".utf8), mediaType: MediaType.vmlinuz),
            try store.add(modules, mediaType: MediaType.modules),
        ]
        var configuration = KernelConfiguration(
            architecture: "amd64", created: time, name: kernelName, release: "6.1.0", debianVersion: "6.1-1",
            loadOrder: [], lateOrder: [])
        configuration.parts = parts.map(\.digest)
        return try enter(MediaType.kernel, try configuration.encoded(), parts, as: kernelName, kernel: nil, store)
    }

    static func image(
        _ environment: Environment, kernel: GridModel.Digest, _ data: [UInt8], _ store: ImageStore
    ) throws -> GridModel.Digest {
        let (tree, root) = try TinyImage.verity(data)
        let name = [Annotation.layerName: "system"]
        let layers = [
            try store.add(
                data, mediaType: MediaType.layer, annotations: root.annotations.merging(name) { old, _ in old }),
            try store.add(tree, mediaType: MediaType.verityTree, annotations: name),
            try store.add(
                Array("#mtree\n. type=dir mode=0755 uid=0 gid=0 time=2.0\n".utf8), mediaType: MediaType.files,
                annotations: name),
        ]
        let configuration = ImageConfiguration(
            architecture: "amd64", created: time, environment: environment, variables: ["PATH=/bin"],
            layers: [layers[0].digest], kernel: kernel, systemName: "Test", needs: ImageNeeds())
        return try enter(
            MediaType.image, try configuration.encoded(), layers, as: environment.description, kernel: kernel, store)
    }

    private static func enter(
        _ type: String, _ configuration: [UInt8], _ parts: [OCIDescriptor], as name: String,
        kernel: GridModel.Digest?, _ store: ImageStore
    ) throws -> GridModel.Digest {
        let recipe = try store.add(Array("name: \(name)\n".utf8), mediaType: MediaType.recipe)
        let lock = Lock(
            kernel: kernel.map { kernel in
                Lock.Kernel(
                    name: kernelName, digest: kernel,
                    inputs: Lock.Layer(name: kernelName, recipe: kernel, time: time))
            }, layers: [Lock.Layer(name: name, recipe: recipe.digest, time: time)])
        let package = InstalledPackage(type: .deb, name: "base-files", version: "12.4", architecture: "amd64")
        let documents = [
            recipe, try store.add(try lock.encoded(), mediaType: MediaType.lock),
            try store.add(
                try PackageList(distribution: "debian", packages: [package]).encoded(), mediaType: MediaType.packages),
        ]
        let manifest = OCIManifest(
            artifactType: type, config: try store.add(configuration, mediaType: MediaType.imageConfiguration),
            layers: parts + documents, annotations: [Annotation.name: name])
        let digest = try store.register(manifest, as: name, at: time)
        try store.makeNewest(digest)
        return digest
    }
}
