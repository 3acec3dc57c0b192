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
        let running = try Running(
            program: work.home(home).program, arguments: ["site", "mirror"] + arguments, directory: work.place.url,
            input: "", environment: ["SOJOURN_HOME": work.path("homes/\(home)")].merging(environment) { $1 })
        try eventually(.seconds(30), "a port of \(arguments): \(running.error)") { running.error.contains(" port ") }
        let words = running.error.split(whereSeparator: { $0 == " " || $0 == "\n" })
        let index = try #require(words.firstIndex(of: "port"))
        return (running, try #require(Int(words[index + 1])))
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

    /// nginx with this in its `server`, on a port of its own.
    func nginx(_ name: String, _ lines: String, http: String = "") throws -> (Running, Int) {
        let port = try Self.freePort()
        let place = work.path("nginx-\(name)")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let text = """
            daemon off; pid \(place)/pid; error_log \(place)/error; worker_processes 1; user root;
            events { worker_connections 64; }
            http {
                access_log \(place)/access; client_body_temp_path \(place)/b; proxy_temp_path \(place)/p;
                fastcgi_temp_path \(place)/f; uwsgi_temp_path \(place)/u; scgi_temp_path \(place)/s;
                \(http)
                server { listen 127.0.0.1:\(port); \(lines) }
            }
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(place)/nginx.conf"))
        let running = try Running(
            program: "/usr/sbin/nginx", arguments: ["-p", place, "-e", "\(place)/error", "-c", "\(place)/nginx.conf"],
            directory: nil, input: nil, environment: [:])
        try eventually(.seconds(20), "nginx: \(running.error)") {
            try Workshop.tool("/usr/bin/curl", ["-s", "http://127.0.0.1:\(port)/"]).status == 0
        }
        return (running, port)
    }

    static func freePort() throws -> Int {
        let script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])"
        let text = try Workshop.run("/usr/bin/python3", ["-c", script])
        return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
}
