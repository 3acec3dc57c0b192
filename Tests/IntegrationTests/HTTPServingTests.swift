import Foundation
import HTTPServer
import HTTPTransport
import Linux
import Synchronization
import Testing

/// The HTTP server as a client sees it, and as those see it who are no good clients.
@Suite struct HTTPServingTests {
    private let place: Scratch
    private let content = LocalServer.content(1_000_000)

    init() throws {
        place = try Scratch()
        try Workshop.run(
            "/bin/sh",
            [
                "-euc",
                """
                cd '\(place.url.path)'; mkdir -p tree/lhc/metadata tree/blobs/sha256 tree/.state outside
                echo secret > outside/secret; echo state > tree/.state/x; echo root > tree/lhc/metadata/1.root.json
                ln -s ../blobs tree/lhc/blobs; ln -s ../outside tree/leak; ln -s ../../outside/secret tree/lhc/secret
                ln -s ../../outside tree/lhc/targets; mkdir tree/other; ln -s ../outside tree/other/blobs; mkfifo tree/pipe
                """,
            ])
        try Data(content).write(to: place.url.appendingPathComponent("tree/blobs/sha256/abc"))
    }

    private func serving<Value>(_ limits: ServerLimits = ServerLimits(), _ body: (Served) throws -> Value) throws
        -> Value
    {
        let tree = try FileTree("\(place.url.path)/tree")
        let log = Guarded([AccessRecord]())
        let server = try HTTPServer(
            host: "127.0.0.1", port: 0, limits: limits, log: { record in log.change { $0.append(record) } },
            answer: { try $0.path == ["fails"] ? { throw Failure() }() : tree.reply(to: $0) })
        let result = Result { try body(Served(server: server, log: log)) }
        try server.stop(grace: .seconds(1))
        return try result.get()
    }

    private struct Failure: Error {}

    private struct Served {
        let server: HTTPServer
        let log: Guarded<[AccessRecord]>

        func url(_ path: String) -> String { "http://127.0.0.1:\(server.port)/\(path)" }

        func read(_ path: String) throws -> [UInt8] {
            try HTTPTransport.with(environment: [:]) { try $0.read(url(path), limit: 10_000_000) }
        }

        /// By curl, whose words are the oracle: status, then the answer's headers.
        func curl(_ arguments: String...) throws -> String {
            try Workshop.run("/usr/bin/curl", ["-s", "-o", "/dev/null", "-D", "-", "--path-as-is"] + arguments)
        }
    }

    // MARK: Files

    @Test func filesAndRangesArrive() throws {
        try serving { (served: Served) throws in
            #expect(try served.read("blobs/sha256/abc") == content)
            #expect(try served.read("lhc/blobs/sha256/abc") == content)
            #expect(try served.read("lhc/metadata/1.root.json") == Array("root\n".utf8))
            try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
                for range in [Int64(0)..<1, 4095..<4097, 999_999..<1_000_000, 0..<1_000_000, 300_000..<900_000] {
                    var bytes: [UInt8] = []
                    try transport.read(served.url("lhc/blobs/sha256/abc"), range: range) { bytes += $0 }
                    #expect(bytes == Array(content[Int(range.lowerBound)..<Int(range.upperBound)]))
                }
            }
            let records = served.log.withLock { $0 }
            #expect(records.count == 8 && Set(records.map(\.client)) == ["127.0.0.1"])
            #expect(records.filter { $0.status == 206 }.map(\.bytes) == [1, 2, 1, 1_000_000, 600_000])
            #expect(records.last?.range == "300000-899999")
        }
    }

    @Test func curlSeesHTTPAsItIsWritten() throws {
        try serving { (served: Served) throws in
            let blob = served.url("blobs/sha256/abc")
            let head = try served.curl("-I", blob)
            #expect(head.hasPrefix("HTTP/1.1 200 OK"), "\(head)")
            #expect(head.contains("Content-Length: 1000000") && head.contains("immutable"), "\(head)")
            let part = try served.curl("-r", "10-19", blob)
            #expect(part.hasPrefix("HTTP/1.1 206") && part.contains("Content-Range: bytes 10-19/1000000"), "\(part)")
            #expect(try served.curl("-r", "1000000-", blob).contains("Content-Range: bytes */1000000"))
            #expect(try served.curl("-r", "-5", blob).contains("bytes 999995-999999/1000000"))
            #expect(try served.curl("-r", "0-1,5-6", blob).hasPrefix("HTTP/1.1 200"))
            #expect(try served.curl("-X", "DELETE", blob).hasPrefix("HTTP/1.1 405"))
            #expect(try served.curl(served.url("fails")).hasPrefix("HTTP/1.1 500"))
            #expect(try served.curl(served.url("lhc/metadata/1.root.json")).contains("Cache-Control: no-cache"))
            let twice = try served.curl("-I", blob, "-I", blob)
            #expect(twice.split(separator: "HTTP/1.1 200").count >= 2, "\(twice)")
        }
    }

    @Test(arguments: [
        "../outside/secret", "leak/secret", "lhc/secret", "lhc/targets/secret", "other/blobs/secret", ".state/x",
        "%2e%2e/outside/secret", "lhc/%2e%2e/%2e%2e/outside/secret", "lhc", "", "pipe", "lhc/metadata/1.root.json/x",
        "lhc/metadata/", "blobs/sha256", "lhc/blobs/sha256/../abc", "other/blobs", "lhc/blobs/../metadata/1.root.json",
    ])
    func nothingElseIsServed(path: String) throws {
        try serving { (served: Served) throws in
            #expect(try served.curl(served.url(path)).hasPrefix("HTTP/1.1 404"))
        }
    }

    // MARK: Bad clients

    /// What a raw connection gets after sending `text`, until it is closed.
    private func converse(_ port: Int, _ text: String) throws -> String {
        let script = """
            import socket, sys
            peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
            peer.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
            try:
                while data := peer.recv(65536):
                    sys.stdout.buffer.write(data)
            except ConnectionResetError:
                pass
            """
        return try Workshop.run("/usr/bin/python3", ["-c", script, "\(port)", text])
    }

    @Test func slowAndEndlessRequestsEnd() throws {
        var limits = ServerLimits()
        limits.patience = .milliseconds(300)
        try serving(limits) { (served: Served) throws in
            // Nothing, a part of a head, a body that does not come: all are ended by the server.
            #expect(try converse(served.server.port, "") == "")
            #expect(try converse(served.server.port, "GET / HTTP/1.1\\r\\nHost: a\\r\\nX-Slow: ") == "")
            let head = "POST /holders HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 100\\r\\n\\r\\nhalf"
            #expect(try converse(served.server.port, head) == "")
            let long = "GET / HTTP/1.1\\r\\nHost: a\\r\\nX-Long: " + String(repeating: "x", count: 20_000)
            #expect(try !self.converse(served.server.port, long).contains("200"))
            #expect(try converse(served.server.port, "no http at all\\r\\n\\r\\n").hasPrefix("HTTP/1.1 400"))
            #expect(try served.read("lhc/metadata/1.root.json").count == 5)
        }
    }

    @Test func tooLongABodyIsRefused() throws {
        var limits = ServerLimits()
        limits.bodyBytes = 1000
        try serving(limits) { (served: Served) throws in
            let error = try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
                #expect(throws: HTTPTransportError.self) {
                    try transport.post(
                        served.url("holders"), body: [UInt8](repeating: 65, count: 100_000), contentType: "text/plain")
                }
            }
            #expect([.status, .unreachable].contains(error?.code), "\(String(describing: error))")
        }
    }

    /// The second request is not read while the first is answered.
    @Test func pipeliningIsNotDone() throws {
        try serving { (served: Served) throws in
            let request = "GET /lhc/metadata/1.root.json HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
            let answers = try converse(served.server.port, request + request + request)
            #expect(answers.components(separatedBy: "HTTP/1.1 200").count == 2, "\(answers)")
        }
    }

    @Test func aClientThatDoesNotReadIsLeft() throws {
        var limits = ServerLimits()
        limits.patience = .milliseconds(300)
        try Data(count: 64 << 20).write(to: place.url.appendingPathComponent("tree/large"))
        try serving(limits) { (served: Served) throws in
            let script = """
                import socket, sys
                peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                peer.sendall(b"GET /large HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
                sys.stdin.read()
                """
            let client = try Running(
                program: "/usr/bin/python3", arguments: ["-c", script, "\(served.server.port)"], directory: nil,
                input: nil, environment: [:])
            let record = served.log.wait(until: .now + .seconds(20)) { $0.first }
            #expect(record?.path == "/large" && (record?.bytes ?? .max) < 64 << 20)
            #expect(client.isRunning)
        }
    }

    @Test func moreThanTheMostAreToldToComeAgain() throws {
        var limits = ServerLimits()
        limits.connections = 2
        try serving(limits) { (served: Served) throws in
            let idle = try (0..<2).map { _ in
                try Running(
                    program: "/usr/bin/python3",
                    arguments: [
                        "-uc",
                        """
                        import socket, sys
                        peer = socket.create_connection(("127.0.0.1", \(served.server.port)))
                        peer.sendall(b"GET /lhc/metadata/1.root.json HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
                        peer.recv(1); print("in"); sys.stdin.read()
                        """,
                    ], directory: nil, input: nil, environment: [:])
            }
            for client in idle { try client.wait(for: "in", within: .seconds(20)) }
            let error = #expect(throws: HTTPTransportError.self) { try served.read("lhc/metadata/1.root.json") }
            #expect(error?.code == .busy && error?.retryAfter == .seconds(2), "\(String(describing: error))")
            withExtendedLifetime(idle) {}
        }
    }

    // MARK: The rate

    /// By the server's own account: what it let go by the time that a client has half of it.
    @Test func theRateBoundsWhatGoes() throws {
        var limits = ServerLimits()
        limits.bytesPerSecond = 400_000
        try serving(limits) { (served: Served) throws in
            let begin = ContinuousClock.now
            #expect(try served.read("blobs/sha256/abc") == content)
            // A quarter of a second's worth is saved, and a piece may go in advance.
            let least = Duration.seconds(Double(1_000_000 - 100_000 - 100_000) / 400_000)
            #expect(begin.duration(to: .now) >= least)
        }
    }

    /// Whoever asks and goes, again and again, takes nothing from those who stay.
    @Test func whatIsAskedForAndNotAwaitedIsNotCounted() throws {
        var limits = ServerLimits()
        limits.bytesPerSecond = 400_000
        try serving(limits) { (served: Served) throws in
            let script = """
                import socket, sys
                for _ in range(200):
                    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                    peer.sendall(b"GET /blobs/sha256/abc HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
                    peer.close()
                """
            try Workshop.run("/usr/bin/python3", ["-c", script, "\(served.server.port)"])
            let begin = ContinuousClock.now
            #expect(try served.read("blobs/sha256/abc") == content)
            // What went into sockets before they were closed counts; 20 MB would be 50 seconds.
            #expect(begin.duration(to: .now) < .seconds(8))
        }
    }

    // MARK: The end

    @Test func anAnswerUnderWayIsFinished() throws {
        var limits = ServerLimits()
        limits.bytesPerSecond = 2_000_000
        let tree = try FileTree("\(place.url.path)/tree")
        let server = try HTTPServer(
            host: "127.0.0.1", port: 0, limits: limits, answer: { try tree.reply(to: $0) })
        let got = Guarded((begun: false, bytes: [UInt8](), failure: String?.none))
        let url = "http://127.0.0.1:\(server.port)/blobs/sha256/abc"
        let thread = try WorkThread {
            do {
                try HTTPTransport.with(environment: [:]) { transport in
                    _ = try transport.download(
                        url, limit: 1_000_000, start: { _ in got.change { $0.begun = true } },
                        sink: { piece in got.withLock { $0.bytes += piece } })
                }
            } catch { got.withLock { $0.failure = "\(error)" } }
        }
        _ = got.wait(until: .now + .seconds(20)) { $0.begun ? true : nil }
        try server.stop(grace: .seconds(20))
        thread.join()
        #expect(got.withLock { $0.failure } == nil && got.withLock { $0.bytes } == content)
        #expect(throws: HTTPTransportError.self) {
            try HTTPTransport.with(environment: [:]) { try $0.read(url, limit: 1_000_000) }
        }
    }

    @Test func anAddressInUseIsToldApart() throws {
        try serving { (served: Served) throws in
            let error = #expect(throws: HTTPServerError.self) {
                try HTTPServer(host: "127.0.0.1", port: served.server.port, answer: { _ in .notFound })
            }
            #expect(error?.code == .address && error?.message.contains("the port free") == true)
        }
    }
}
