import Foundation
import Testing

/// A server on a free port of this host, for one test.
final class LocalServer {
    let port: Int
    private let running: Running

    private init(_ arguments: [String], in directory: URL?, port: (String) -> Int?) throws {
        running = try Running(
            program: "/usr/bin/env", arguments: ["python3", "-u"] + arguments, directory: directory, input: nil,
            environment: [:])
        try running.wait(for: "\n", within: .seconds(30))
        self.port = try #require(port(running.output), "no port in: \(running.output)")
    }

    /// What answers as no server should.
    static func hostile(certificate: Certificate? = nil) throws -> LocalServer {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Scripts/test-tools/hostile-server.py")
        let tls = certificate.map { ["--tls", $0.path, $0.keyPath] } ?? []
        return try LocalServer([script.path] + tls, in: nil) { output in
            Int(output.prefix { $0 != "\n" })
        }
    }

    /// Python's own, for the files of a directory.
    static func files(of directory: URL) throws -> LocalServer {
        try LocalServer(["-m", "http.server", "--bind", "127.0.0.1", "0"], in: directory) { output in
            output.split(separator: " ").firstIndex(of: "port").flatMap { Int(output.split(separator: " ")[$0 + 1]) }
        }
    }

    func url(_ path: String, scheme: String = "http", host: String = "127.0.0.1") -> String {
        "\(scheme)://\(host):\(port)/\(path)"
    }

    /// Ends it: from now on nobody listens.
    func stop() throws {
        kill(running.pid, SIGKILL)
        _ = try running.finish(within: .seconds(10))
    }

    /// The file of `hostile-server.py`, `count` bytes of it.
    static func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 * 7 % 251) } }
}

/// A certificate that vouches for itself.
struct Certificate {
    private let place: Scratch

    var path: String { place.url.appendingPathComponent("certificate.pem").path }
    var keyPath: String { place.url.appendingPathComponent("key.pem").path }

    init(names: String...) throws {
        place = try Scratch()
        let arguments =
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=sojourn-test -keyout \(keyPath) -out \(path) -addext"
        try Workshop.run(
            "/usr/bin/openssl",
            arguments.split(separator: " ").map(String.init)
                + ["subjectAltName=\(names.map { "DNS:\($0)" }.joined(separator: ","))"])
    }
}
