import Foundation
import Testing

/// Debian's docker-registry on a free port of this host, for one test.
final class RegistryServer {
    let port: Int
    private let place: Scratch
    private let running: Running

    struct Options {
        /// Lets in `test` with the password `secret`, and nobody else.
        var isClosed = false
        var certificate: Certificate?
    }

    init(_ options: Options = Options()) throws {
        place = try Scratch()
        var text = """
            version: 0.1
            log: {level: info}
            storage: {filesystem: {rootdirectory: \(place.url.path)/data}}
            http:
              addr: 127.0.0.1:0

            """
        if let certificate = options.certificate {
            text += "  tls: {certificate: \(certificate.path), key: \(certificate.keyPath)}\n"
        }
        if options.isClosed {
            // Of bcrypt, which is all that the registry takes.
            try place.write("test:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n", to: "htpasswd")
            text += "auth: {htpasswd: {realm: tests, path: \(place.url.path)/htpasswd}}\n"
        }
        try place.write(text, to: "config.yml")
        running = try Running(
            program: "/usr/bin/docker-registry", arguments: ["serve", "\(place.url.path)/config.yml"], directory: nil,
            input: nil, environment: [:])
        var found: Int?
        let server = running
        try eventually(.seconds(30), "a port of docker-registry: \(running.error)") {
            let words = server.error.split { " \",".contains($0) || $0.isNewline }
            found = words.first { $0.hasPrefix("127.0.0.1:") && $0.dropFirst(10).allSatisfy(\.isNumber) }.flatMap {
                Int($0.dropFirst(10))
            }
            return found != nil && found != 0
        }
        port = try #require(found)
    }

    /// `oci://127.0.0.1:PORT/NAME`.
    func reference(_ name: String, host: String = "127.0.0.1") -> String { "oci://\(host):\(port)/\(name)" }

    var storage: String { "\(place.url.path)/data" }

    /// Where it keeps the bytes of a digest.
    func blob(_ digest: String) -> URL {
        let hex = digest.dropFirst("sha256:".count)
        return place.url.appendingPathComponent("data/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data")
    }

    /// Turns one bit of what it keeps.
    func damage(_ digest: String) throws {
        var bytes = try Data(contentsOf: blob(digest))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: blob(digest))
    }

    /// What skopeo reads under a name, as it was pushed.
    func raw(_ name: String) throws -> String {
        try Workshop.run(
            "/usr/bin/skopeo", ["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:\(port)/\(name)"])
    }

    /// Ends it: from now on nobody listens.
    func stop() throws {
        kill(running.pid, SIGKILL)
        _ = try running.finish(within: .seconds(10))
    }
}
