import Testing

@testable import HTTPTransport

@Suite struct HTTPAddressTests {
    @Test(arguments: [
        ("http://example.org", "http://example.org/"), ("HTTP://Example.ORG:80/a", "http://example.org/a"),
        ("https://example.org:443/", "https://example.org/"), ("http://example.org:443/", "http://example.org:443/"),
        ("https://example.org/a%20b/../c?d=%2F#part", "https://example.org/a%20b/../c?d=%2F"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"), ("http://127.0.0.1?q", "http://127.0.0.1/?q"),
        ("http://[::1]/", "http://[::1]/"), ("http://a.org:/", "http://a.org/"),
    ])
    func addressesAreRead(text: String, meaning: String) throws {
        #expect(try HTTPAddress(text).description == meaning)
    }

    @Test(arguments: [
        ("", "it is no URL"), ("example.org/file", "it has no scheme"), ("/etc/passwd", "it has no scheme"),
        ("file:///etc/passwd", "its scheme is file; only http and https"), ("ftp://example.org/", "scheme is ftp"),
        ("http://", "it has no host"), ("http:///path", "it has no host"), ("http://:80/", "it has no host"),
        ("http:example.org", "it has no host"),
        ("http://user@example.org/", "it holds a user's name"), ("http://a:b@example.org/", "a user's name"),
        ("http://@example.org/", "a user's name"), ("http://example.org/a b", "percent-encode them"),
        ("http://example.org/\u{1b}[2J", "percent-encode them"), ("http://example.org/\r\nX: y", "percent-encode"),
        ("http://exämple.org/", "percent-encode them"), ("http://example.org:0/", "a port that is none"),
        ("http://example.org:65536/", "a port that is none"),
        ("http://[::1]:99999999999999999999/", "a port that is none"), ("http://ex%61mple.org/", "it has no host"),
        ("http://example.org\\@evil.org/", "it is no URL"),
    ])
    func othersAreRefused(text: String, words: String) throws {
        let error = try #require(throws: HTTPTransportError.self) { try HTTPAddress(text) }
        #expect(error.code == .wrongAddress)
        #expect(error.message.contains(words), "\(error)")
        #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{7f}" })
        #expect(!error.message.contains("a:b"))
    }

    @Test(arguments: [
        ("file", "http://example.org/a/file"), ("/file", "http://example.org/file"), ("?x", "http://example.org/a/b?x"),
        ("//other.org/x", "http://other.org/x"), ("https://other.org", "https://other.org/"),
        ("../x", "http://example.org/x"),
    ])
    func redirectsAreResolved(location: String, meaning: String) throws {
        #expect(try HTTPAddress("http://example.org/a/b").following(location).description == meaning)
    }
}

@Suite struct ProxyTests {
    private func route(_ url: String, _ environment: [String: String]) throws -> Route {
        try Proxies(environment: environment).route(to: HTTPAddress(url))
    }

    private let both = ["http_proxy": "http://squid.example.org:3128/", "HTTPS_PROXY": "squid.example.org:3128"]

    @Test func theEnvironmentNamesProxies() throws {
        let squid = try HTTPAddress("http://squid.example.org:3128")
        #expect(try route("http://a.org/", both) == .forwarded(squid))
        #expect(try route("https://a.org/", both) == .tunnelled(squid))
        #expect(try route("http://a.org/", [:]) == .direct)
        #expect(try route("http://a.org/", ["http_proxy": ""]) == .direct)
        // A header of a CGI program's client.
        #expect(try route("http://a.org/", ["HTTP_PROXY": "http://evil.org"]) == .direct)
    }

    @Test(arguments: ["*", "a.org", ".a.org", "b.org,a.org", "b.org, a.org", "org", "a.org:8080", "A.ORG"])
    func someHostsAreReachedDirectly(exceptions: String) throws {
        #expect(try route("http://x.a.org:8080/", both.merging(["no_proxy": exceptions]) { $1 }) == .direct)
        #expect(try route("http://a.org:8080/", both.merging(["NO_PROXY": exceptions]) { $1 }) == .direct)
    }

    @Test(arguments: ["", ",", ".", "b.org", "a.org.b", "xa.org", "a.org:80", "rg"])
    func othersAreNot(exceptions: String) throws {
        #expect(try route("http://a.org:8080/", both.merging(["no_proxy": exceptions]) { $1 }) != .direct)
    }

    @Test(arguments: [
        "https://squid.example.org", "socks5://squid.example.org:1080", "http://user:word@squid/", "http://",
    ])
    func proxiesThatCannotBeUsedAreNotPassedBy(value: String) throws {
        let error = try #require(throws: HTTPTransportError.self) { try route("http://a.org/", ["http_proxy": value]) }
        #expect(error.code == .wrongAddress)
        #expect(error.message.contains("http_proxy") && error.message.contains("set it to http://HOST:PORT"))
        #expect(!error.description.contains("word"))
    }
}

@Suite struct PaceTests {
    /// 1024 bytes a second over 30 s; 30 s of silence.
    private var pace = Pace(TransferLimits(), now: .seconds(1000))

    @Test mutating func silenceEnds() {
        #expect(pace.verdict(at: .seconds(1029)) == nil)
        #expect(pace.verdict(at: .seconds(1030)) == .silent)
    }

    /// One piece a second.
    private mutating func verdicts(_ count: Int, seconds: ClosedRange<Int>) -> [Pace.Verdict] {
        seconds.compactMap { second in
            let now = Duration.seconds(1000 + second)
            pace.came(count, at: now)
            pace.waits(at: now)
            return pace.verdict(at: now)
        }
    }

    @Test mutating func aSlowServerEnds() {
        #expect(verdicts(1023, seconds: 1...29) == [])
        #expect(verdicts(1023, seconds: 30...30) == [.slow])
    }

    @Test mutating func aServerThatIsFastEnoughGoesOn() {
        #expect(verdicts(1025, seconds: 1...3600) == [])
    }

    /// A fast beginning buys no slow end.
    @Test mutating func eachWindowCountsAlone() {
        pace.came(1_000_000_000, at: .seconds(1000))
        pace.waits(at: .seconds(1000))
        #expect(verdicts(10, seconds: 1...59) == [])
        #expect(verdicts(10, seconds: 60...60) == [.slow])
    }

    @Test mutating func theTimeOfASlowDiskIsNotTheServers() {
        pace.came(1, at: .seconds(1000))
        for hour in 1...5 {
            let now = Duration.seconds(1000 + hour * 3600)
            pace.waits(at: now)
            pace.came(1, at: now + .seconds(1))
            #expect(pace.verdict(at: now + .seconds(3000)) == nil)
        }
    }
}

@Suite struct ContentRangeTests {
    @Test(arguments: [
        ("bytes 0-0/1", 0..<1, 1), ("bytes 600-999/1000", 600..<1000, 1000), ("Bytes 5-9/*", 5..<10, nil),
        ("bytes 0-9223372036854775806/9223372036854775807", 0..<Int64.max, Int64.max),
    ])
    func rangesAreRead(text: String, bytes: Range<Int64>, complete: Int64?) {
        let range = ContentRange(parsing: text)
        #expect(range?.bytes == bytes && range?.complete == complete)
    }

    @Test(arguments: [
        "", "bytes", "bytes 0-9", "bytes */10", "bytes 0-/10", "bytes -9/10", "bytes 9-0/10", "bytes 0-9/9",
        "bytes 0-9/",
        "bytes  0-9/10", "bytes 0-9/10 ", "bytes +0-9/10", "bytes 0-+9/10", "bytes 0-9/-1", "octets 0-9/10",
        "bytes 0-9-9/10", "bytes 0-9/10/10", "bytes 0-9223372036854775807/*", "bytes 0-99999999999999999999/*",
        "bytes ０-9/10",
    ])
    func othersAreNone(text: String) { #expect(ContentRange(parsing: text) == nil) }

    @Test func aQuestionNamesItsBytes() {
        #expect(Query.Portion.whole.header == nil)
        #expect(Query.Portion.from(7).header == "bytes=7-")
        #expect(Query.Portion.exactly(7..<9).header == "bytes=7-8")
    }
}
