import Foundation
import GridModel
import StrictJSON
import Testing

/// A catalogue that is served, a site that follows it, and its mirror.
struct MirrorPlace {
    let work: CataloguePlace
    let server: LocalServer
    static let environment = "lhc/pythia8:8.317.2@debian12"

    init() throws {
        work = try CataloguePlace()
        try work.begin()
        try work.image(Self.environment, in: "publisher")
        try work.publish([try work.endorse(Self.environment)])
        try work.publish([try work.endorse(CataloguePlace.kernel)])
        server = try LocalServer.files(of: URL(fileURLWithPath: work.catalogue))
        try follow("mirror", at: server.url(""))
    }

    var directory: String { work.path("mirror") }

    func follow(_ home: String, at url: String) throws {
        let root = "\(work.catalogue)/metadata/1.root.json"
        try work.run(home, "site", "trust", url, "--name", "lhc", "--root", root)
    }

    func configure(_ home: String, _ line: String) throws {
        try work.place.write(line + "\n", to: "line")
        try Workshop.run(
            "/bin/sh", ["-c", "cat '\(work.path("line"))' >> '\(work.path("homes/\(home)/config.yaml"))'"])
    }

    func mirror(_ options: String...) throws -> Sojourn.Result {
        try work.result("mirror", ["site", "mirror", directory] + options)
    }

    /// Starts it, and says where it listens.
    func serve(_ home: String, _ arguments: [String], environment: [String: String] = [:]) throws -> (Running, Int) {
        try work.serveMirror(home, arguments, environment: environment)
    }

    /// True where all of it can be copied from this address alone, every blob verified.
    func servesAll(_ url: String, to home: String, environment: [String: String] = [:]) throws -> Bool {
        try follow(home, at: url)
        let result = try work.home(home)(
            ["site", "mirror", "copy-of-\(home)"], in: work.place.url, environment: environment, deadline: .seconds(60))
        return result.status == 0
    }

    /// What a mirror serves, one line for each file: name and sha256.
    func contents(of path: String) throws -> String {
        try Workshop.run(
            "/bin/sh",
            ["-c", "cd '\(path)' && find -L . -path ./.state -prune -o -type f -exec sha256sum {} + | sort -k2"])
    }
}
