import Foundation
import Testing

/// Servers that stand before a catalogue or a mirror, and mirrors of our own.
extension CataloguePlace {
    /// `sojourn site mirror` of a home that serves; where it listens.
    func serveMirror(
        _ home: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (Running, Int) {
        let running = try Running(
            program: self.home(home).program, arguments: ["site", "mirror"] + arguments, directory: place.url,
            input: "", environment: ["SOJOURN_HOME": path("homes/\(home)")].merging(environment) { $1 })
        try eventually(.seconds(30), "a port of \(arguments): \(running.error)") { running.error.contains(" port ") }
        let words = running.error.split(whereSeparator: { $0 == " " || $0 == "\n" })
        let index = try #require(words.firstIndex(of: "port"))
        return (running, try #require(Int(words[index + 1])))
    }

    /// nginx with this in its `server`, on a port of its own.
    func nginx(_ name: String, _ lines: String, http: String = "") throws -> (Running, Int) {
        let port = try Self.freePort()
        let place = path("nginx-\(name)")
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

    /// As the documentation shows it: slices of blobs of a mirror are kept, everything else is asked for again.
    func slicing(_ mirror: Int) throws -> (Running, Int) {
        let lines = """
            location ~ ^/lhc/blobs/sha256/ {
                slice 1m; proxy_set_header Range $slice_range; proxy_http_version 1.1;
                proxy_cache blobs; proxy_cache_key $uri$slice_range; proxy_cache_valid 200 206 30d;
                proxy_cache_lock on; proxy_pass http://127.0.0.1:\(mirror);
            }
            location /lhc/ { proxy_pass http://127.0.0.1:\(mirror); }
            """
        return try nginx("slices", lines, http: "proxy_cache_path \(path("slices")) keys_zone=blobs:1m;")
    }

    /// tinyproxy, which writes `proxy.log`.
    func proxy() throws -> (Running, Int) {
        let port = try Self.freePort()
        let lines = [
            "Port \(port)", "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 60", "MaxClients 50",
            "LogFile \"\(path("proxy.log"))\"", "LogLevel Connect",
        ]
        try place.write(lines.map { "\($0)\n" }.joined(), to: "tinyproxy.conf")
        let proxy = try Running(
            program: "/usr/bin/tinyproxy", arguments: ["-d", "-c", path("tinyproxy.conf")], directory: nil,
            input: nil, environment: [:])
        try eventually(.seconds(20), "tinyproxy") {
            try Workshop.tool("/usr/bin/curl", ["-s", "-o", "/dev/null", "http://127.0.0.1:\(port)/"]).status == 0
        }
        return (proxy, port)
    }

    private static func freePort() throws -> Int {
        let script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])"
        let text = try Workshop.run("/usr/bin/python3", ["-c", script])
        return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
}
