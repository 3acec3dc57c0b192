import Foundation
import Testing

/// A server on a free port of this host, for one test.
final class LocalServer {
    let port: Int
    private let running: Running
    private var state: Scratch?

    private init(_ arguments: [String], in directory: URL?, port: (String) -> Int?) throws {
        running = try Running(
            program: "/usr/bin/env", arguments: ["python3", "-u"] + arguments, directory: directory, input: nil,
            environment: [:])
        try running.wait(for: "\n", within: .seconds(30))
        self.port = try #require(port(running.output), "no port in: \(running.output)")
    }

    private static func tool(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Scripts/test-tools/\(name)").path
    }

    /// What answers as no server should.
    static func hostile(certificate: Certificate? = nil) throws -> LocalServer {
        let tls = certificate.map { ["--tls", $0.path, $0.keyPath] } ?? []
        return try LocalServer([tool("hostile-server.py")] + tls, in: nil) { output in
            Int(output.prefix { $0 != "\n" })
        }
    }

    /// The files of a directory, with ranges; `faulty` and `log` tell more of it.
    static func files(of directory: URL) throws -> LocalServer {
        let state = try Scratch()
        let server = try LocalServer([tool("range-server.py"), directory.path, state.url.path], in: nil) { output in
            Int(output.prefix { $0 != "\n" })
        }
        server.state = state
        return server
    }

    /// From now on: `lie blobs/`, one a line, as `range-server.py` says.
    func become(faulty lines: String...) throws {
        let state = try #require(state)
        try state.write(lines.map { "\($0)\n" }.joined(), to: "faults.new")
        rename("\(state.url.path)/faults.new", "\(state.url.path)/faults")
    }

    /// Where `become` writes.
    var faultsPath: String { "\(state?.url.path ?? "")/faults" }

    /// What was answered: path, status, bytes of the body, the range that was asked for.
    func log() throws -> [(path: String, status: Int, bytes: Int, range: String)] {
        try #require(state).text("log").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 4, let status = Int(words[1]), let bytes = Int(words[2]) else { return nil }
            return (String(words[0]), status, bytes, String(words[3]))
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
