import Foundation
import GridModel
import ImageFormat
import ImageStore
import StrictJSON
import Testing

/// A publisher who endorses Debian 12 and its kernel, a server of that catalogue, and homes that follow it: for real machines.
struct EndorsedSystem {
    let work: CataloguePlace
    let publisher: Workshop
    let server: LocalServer

    /// - Parameter prepare: given the publisher's home before anything is published.
    init(prepare: (ImageStore) throws -> Void = { _ in }) throws {
        work = try CataloguePlace()
        publisher = try Workshop.apart(with: ["images", "inputs", "locks", "home.json"])
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: work.path("homes")), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: work.path("homes/publisher"), withDestinationPath: publisher.home)
        try work.begin()
        try prepare(try ImageStore(home: try Home(at: publisher.home)))
        for name in ["kernel-debian12", "os/debian12"] { try work.publish([try work.endorse(name)]) }
        server = try LocalServer.files(of: URL(fileURLWithPath: work.catalogue))
    }

    // MARK: Homes

    /// Lets a home trust the catalogue where this server has it, and says what is in its configuration besides.
    func follow(
        _ home: String, at other: LocalServer? = nil, as name: String = "lhc", _ configuration: String = ""
    ) throws {
        let root = "\(work.catalogue)/metadata/1.root.json"
        try work.run(home, "site", "trust", (other ?? server).url(""), "--name", name, "--root", root)
        let file = URL(fileURLWithPath: work.path("homes/\(home)/config.yaml"))
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        try Data((text + configuration).utf8).write(to: file)
        let result = try work.result(home, ["site", "sync", "--no-images"])
        try #require(result.status == 0, "\(result.error)")
    }

    /// Starts a job, for sh, on Debian 12.
    func start(
        _ home: String, _ command: String, input: String? = "", environment: [String: String] = [:]
    ) throws -> Running {
        try work.home(home).start(
            ["run", "--os", "debian12", "--json", "--", "sh", "-c", command], in: work.place.url, input: input,
            environment: environment)
    }

    func job(_ home: String, _ command: String, environment: [String: String] = [:]) throws -> Sojourn.Result {
        try start(home, command, environment: environment).finish(within: .seconds(240))
    }

    // MARK: The image

    /// A filesystem as a home may have it.
    struct Layer {
        let digest: GridModel.Digest
        let size: Int64
        /// Where it is when all of it is here, and when not all is.
        let whole: String
        let partial: String

        /// Below a catalogue's address.
        var path: String { "blobs/sha256/\(digest.hex)" }
    }

    func store(_ home: String) throws -> ImageStore {
        try ImageStore(home: try Home(at: work.home(home).home.path))
    }

    /// The image's one filesystem.
    func layer(in home: String = "publisher") throws -> Layer {
        let store = try store(home)
        let blob = try store.image(reference: "os/debian12").layers[0].filesystem
        return Layer(
            digest: blob.digest, size: blob.size, whole: store.path(of: blob.digest),
            partial: store.partial(of: blob.digest))
    }

    /// A job that reads here and there, and says what it read.
    static let reading = "cat /usr/bin/[a-m]* /usr/lib/x86_64-linux-gnu/lib[m-z]* | md5sum"

    /// What that job says where nothing is fetched.
    static func whatItReads() throws -> String { try honest.get() }

    private static let honest: Result<String, any Error> = Result {
        let place = try Scratch()
        _ = try Workshop()
        let result = try Sojourn.installed().run(["--os", "debian12"], ["sh", "-c", reading], in: place.url)
        try #require(result.status == 0 && result.output.count > 32, "\(result.error)")
        return result.output
    }
}

/// What a job's record says of the blocks that it fetched.
struct Arrival {
    let bytes: Int64
    let places: [String: Int64]
    let notes: [String]

    init(_ result: Sojourn.Result) throws {
        let record = try result.record()
        let arrival = record["arrival"]
        bytes = arrival?["bytes"]?.int ?? 0
        let all = (arrival?["places"]?.array ?? []).compactMap { place in
            place["place"]?.string.map { ($0, place["bytes"]?.int ?? 0) }
        }
        places = Dictionary(all, uniquingKeysWith: +)
        notes = (record["notes"]?.array ?? []).compactMap(\.string)
    }
}
