import Foundation
import HTTPTransport
import Testing

/// The HTTP client against real servers, most of them hostile.
@Suite struct HTTPTransportTests {
    private let server: LocalServer

    init() throws { server = try .hostile() }

    /// Of servers on this host, so that a test of slowness is quick.
    private static var hasty: TransferLimits {
        var limits = TransferLimits()
        limits.silence = .milliseconds(500)
        limits.window = .milliseconds(400)
        limits.bytesPerSecond = 1000
        return limits
    }

    private func read(
        _ path: String, limit: Int = 100_000, within deadline: Duration = .seconds(20),
        limits: TransferLimits = TransferLimits()
    ) throws -> [UInt8] {
        try HTTPTransport.with(limits: limits, environment: [:]) {
            try $0.read(server.url(path), limit: limit, within: deadline)
        }
    }

    /// The one refusal of a fetch, which must name the address and say `words`.
    private func expect(
        _ code: HTTPTransportError.Code, _ words: String, from path: String, limit: Int = 100_000,
        within deadline: Duration = .seconds(20), limits: TransferLimits = TransferLimits()
    ) throws {
        let error = try #require(throws: HTTPTransportError.self) {
            try read(path, limit: limit, within: deadline, limits: limits)
        }
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains("cannot fetch http://127.0.0.1:\(server.port)/\(path)"), "\(error)")
        #expect(error.description.contains(words), "\(error)")
    }

    // MARK: What is taken

    @Test func filesOfAnOrdinaryServerArrive() throws {
        let place = try Scratch()
        let content = LocalServer.content(5_000_000)
        try Data(content).write(to: place.url.appendingPathComponent("big"))
        try place.write("", to: "empty")
        let server = try LocalServer.files(of: place.url)
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            #expect(try transport.read(server.url("big"), limit: 5_000_000) == content)
            #expect(try transport.read(server.url("empty"), limit: 0) == [])
            let error = #expect(throws: HTTPTransportError.self) { try transport.read(server.url("no"), limit: 1) }
            #expect(error?.code == .notFound)
        }
    }

    @Test func filesArriveWithAndWithoutLength() throws {
        #expect(try read("length/1000") == LocalServer.content(1000))
        #expect(try read("chunked") == Array("one two three".utf8))
    }

    @Test func nothingCompressedIsAskedFor() throws {
        let head = String(decoding: try read("head"), as: UTF8.self)
        #expect(head.contains("\r\nAccept-Encoding: identity"))
        #expect(head.contains("Host: 127.0.0.1:\(server.port)"))
        #expect(!head.contains("Range:") && !head.contains("gzip"))
    }

    // MARK: Lengths

    @Test func theLimitIsTakenAndNotAByteMore() throws {
        #expect(try read("length/100", limit: 100).count == 100)
        try expect(.tooLong, "it has 100 bytes, and at most 99 are taken", from: "length/100", limit: 99)
    }

    @Test func aDeclaredLengthOverTheLimitIsNotWaitedFor() throws {
        // A hundred bytes are told, five are sent, then nothing comes.
        try expect(.tooLong, "it has 100 bytes", from: "silent-body", limit: 99)
    }

    @Test func anEndlessBodyEndsAtTheLimit() throws {
        var taken = 0
        let error = try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            #expect(throws: HTTPTransportError.self) {
                try transport.download(server.url("endless"), limit: 1_000_000) { taken += $0.count }
            }
        }
        #expect(error?.code == .tooLong && error?.message.contains("it goes on, and at most 1000000") == true)
        #expect(taken > 500_000 && taken <= 1_000_000)
    }

    @Test func whatFollowsTheDeclaredLengthIsNobodysAnswer() throws {
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            for _ in 0..<20 {
                #expect(try transport.read(server.url("over"), limit: 100) == Array("right".utf8))
                #expect(try transport.read(server.url("length/7"), limit: 100) == LocalServer.content(7))
            }
        }
    }

    @Test func aBodyShorterThanItsLengthIsNoFile() throws {
        try expect(.unreachable, "the connection was lost after", from: "short")
    }

    @Test func aFastServerWaitsForASlowDisk() throws {
        struct Enough: Error {}
        func flooded(_ transport: HTTPTransport) throws -> Int {
            Int(String(decoding: try transport.read(server.url("flooded"), limit: 20), as: UTF8.self)) ?? -1
        }
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            #expect(throws: Enough.self) {
                try transport.download(server.url("flood"), limit: .max) { _ in
                    var before = -1
                    // Until it sends no more: what is under way then lies in buffers.
                    try eventually(.seconds(20), "the server to wait") {
                        let now = try flooded(transport)
                        defer { before = now }
                        return now == before && now > 0
                    }
                    #expect(before < 20_000_000)
                    throw Enough()
                }
            }
            #expect(try transport.read(server.url("length/3"), limit: 3).count == 3)
        }
    }

    // MARK: Time

    @Test func aDripIsTooSlow() throws {
        try expect(.tooSlow, "less than 1000 bytes a second came in 0.4 seconds", from: "drip/0.05", limits: Self.hasty)
        var patient = Self.hasty
        patient.bytesPerSecond = 5
        #expect(try read("drip/0.05", limits: patient) == LocalServer.content(20))
    }

    @Test(arguments: ["silent-head", "drip-head/0.05"]) func anAnswerMustBegin(path: String) throws {
        var limits = Self.hasty
        limits.window = .seconds(60)
        try expect(.tooSlow, "nothing came for 0.5 seconds, after 0 bytes; try again later", from: path, limits: limits)
    }

    @Test func anAnswerMustGoOn() throws {
        var limits = Self.hasty
        limits.window = .seconds(60)
        try expect(.tooSlow, "nothing came for 0.5 seconds, after 5 bytes", from: "silent-body", limits: limits)
    }

    @Test func theDeadlineCoversTheWhole() throws {
        try expect(.tooSlow, "not done within 0.4 seconds", from: "drip/0.1", within: .milliseconds(400))
        #expect(try read("drip/0.01", within: .seconds(10)).count == 20)
    }

    // MARK: Redirects

    @Test(arguments: ["chain/0", "chain/4", "chain/5"]) func aFewRedirectsAreFollowed(path: String) throws {
        #expect(try read(path) == Array("the end of the chain".utf8))
    }

    @Test func redirectsEnd() throws {
        try expect(.redirected, "more than 5 redirects; use the address where the file is", from: "chain/6")
        try expect(.redirected, "lead back to http://127.0.0.1:\(server.port)/round/a", from: "round/a")
        try expect(.malformed, "is a redirect (302) that does not say where to", from: "nowhere")
    }

    @Test(arguments: [
        ("file:///etc/passwd", "its scheme is file; only http and https"),
        ("ftp://ftp.example.org/file", "its scheme is ftp"),
        ("unix:///run/docker.sock", "its scheme is unix"),
        ("http+unix://%2Frun%2Fdocker.sock/info", "its scheme is http+unix"),
        ("http://user:secret@127.0.0.1/", "it holds a user's name"),
        ("http:///length/5", "it has no host"),
    ])
    func redirectsLeadToHTTPAlone(target: String, words: String) throws {
        try expect(.redirected, words, from: "to/\(target)")
    }

    /// A host that others announced could lead to anything that only this host may reach.
    @Test func hostsOfTheSiteDoNotRedirect() throws {
        let url = server.url("to/\(server.url("length/5"))")
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            let whole = #expect(throws: HTTPTransportError.self) {
                try transport.download(url, limit: 5, isNear: true) { _ in }
            }
            let part = #expect(throws: HTTPTransportError.self) {
                try transport.read(url, range: 0..<4, isNear: true) { _ in }
            }
            for error in [whole, part] { #expect(error?.code == .redirected, "\(String(describing: error))") }
        }
    }

    @Test func aRedirectMayNameTheWholeAddress() throws {
        #expect(try read("to/\(server.url("length/5"))").count == 5)
    }

    // MARK: Answers

    @Test(arguments: [
        ("404 No", HTTPTransportError.Code.notFound, "the server does not have it (404)"),
        ("410 No", .notFound, "(410)"), ("403 No", .refused, "does not give it out (403)"), ("401 No", .refused, "401"),
        ("500 No", .status, "the server failed (500); try again later"), ("204 No", .status, "status 204"),
        ("418 No", .status, "status 418, not with a file"),
    ])
    func aStatusIsToldApart(status: String, code: HTTPTransportError.Code, words: String) throws {
        try expect(code, words, from: "status/\(status.prefix(3))")
    }

    @Test func headersAreBounded() throws {
        #expect(try read("headers/50") == [UInt8(ascii: "x")])
        try expect(.malformed, "more than 65536", from: "headers/70")
        try expect(.malformed, "headers have no end", from: "headers/300")
        try expect(.malformed, "headers have no end", from: "endless-header")
    }

    @Test func anEndlessStatusFillsNoMemory() throws {
        let before = try Self.peak()
        try expect(.tooSlow, "0 bytes so far", from: "endless-status", limits: Self.hasty)
        #expect(try Self.peak() - before < 200_000)
    }

    @Test func encodedAnswersAreRefused() throws {
        #expect(try read("encoded/identity").count == 1)
        try expect(.malformed, "Content-Encoding: gzip), which was not asked for", from: "encoded/gzip")
    }

    @Test func whatIsNoHTTPIsToldApart() throws {
        try expect(.malformed, "the answer is not HTTP; look at the server", from: "no-http")
    }

    /// The most memory that this process has had, in KiB.
    private static func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]))
    }

    // MARK: Connections

    @Test func lostConnectionsAreToldApart() throws {
        try expect(.unreachable, "the connection was lost after", from: "reset")
        try expect(.unreachable, "the connection was lost after 0 bytes", from: "closed")
        #expect(try read("length/5").count == 5)
        try server.stop()
        try expect(.unreachable, "no connection to 127.0.0.1 port \(server.port)", from: "length/5")
    }

    @Test func anUnknownHostIsToldApart() throws {
        let error = try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            #expect(throws: HTTPTransportError.self) { try transport.read("http://nowhere.invalid/x", limit: 1) }
        }
        #expect(error?.code == .unreachable, "\(String(describing: error))")
        #expect(error?.message.contains("the host nowhere.invalid was not found") == true)
    }
}
