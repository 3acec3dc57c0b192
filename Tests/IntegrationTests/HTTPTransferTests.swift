import Foundation
import HTTPTransport
import Testing

/// Downloads that go on where they stopped, TLS, and proxies.
@Suite struct HTTPTransferTests {
    private struct Download {
        var start: Int64?
        var bytes: [UInt8] = []
        var size: Int64 = 0
    }

    private func download(_ url: String, from offset: Int64, limit: Int64 = 1000) throws -> Download {
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            var download = Download()
            download.size = try transport.download(
                url, from: offset, limit: limit, start: { download.start = $0 }, sink: { download.bytes += $0 })
            return download
        }
    }

    // MARK: Ranges

    @Test func aDownloadGoesOnWhereItStopped() throws {
        let server = try LocalServer.hostile()
        let rest = try download(server.url("range"), from: 600)
        #expect(rest.start == 600 && rest.size == 1000)
        #expect(rest.bytes == Array(LocalServer.content(1000)[600...]))
        // The limit is of the whole file, wherever it goes on.
        let error = #expect(throws: HTTPTransportError.self) {
            try download(server.url("range"), from: 600, limit: 999)
        }
        #expect(error?.code == .tooLong)
    }

    /// A server without ranges, and one whose file is shorter than what is here.
    @Test(arguments: [("range-ignored", 600), ("range", 1000), ("range", 5000)])
    func aDownloadBeginsAnewWhereItMust(path: String, offset: Int64) throws {
        let server = try LocalServer.hostile()
        let whole = try download(server.url(path), from: offset)
        #expect(whole.start == 0 && whole.size == 1000 && whole.bytes == LocalServer.content(1000))
    }

    @Test(arguments: [
        "bytes_0-399/1000", "bytes_601-1000/1001", "bytes_600-998/1000", "bytes_600-999/2000", "bytes_600-999",
        "octets_600-999/1000", "bytes_600-/1000", "bytes_999-600/1000", "bytes_-600-999/1000",
        "bytes_600-9223372036854775807/*", "",
    ])
    func aPartThatWasNotAskedForIsRefused(says: String) throws {
        let server = try LocalServer.hostile()
        // Positive control.
        #expect(try download(server.url("range-says/bytes_600-999/*"), from: 600).size == 1000)
        let error = #expect(throws: HTTPTransportError.self) {
            try download(server.url("range-says/\(says)"), from: 600)
        }
        #expect(error?.code == .malformed, "\(String(describing: error))")
        #expect(error?.message.contains("asked for what follows byte 600, the server sent a part") == true)
    }

    @Test func aPartInPlaceOfTheWholeIsRefused() throws {
        let server = try LocalServer.hostile()
        let error = #expect(throws: HTTPTransportError.self) {
            try download(server.url("range-says/bytes_0-999/1000"), from: 0)
        }
        #expect(error?.code == .malformed)
    }

    @Test func theCallersErrorEndsTheDownload() throws {
        struct Full: Error {}
        let server = try LocalServer.hostile()
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            #expect(throws: Full.self) {
                try transport.download(server.url("length/9"), limit: 9, start: { _ in throw Full() }, sink: { _ in })
            }
            #expect(throws: Full.self) {
                try transport.download(server.url("length/9"), limit: 9) { _ in throw Full() }
            }
            #expect(try transport.read(server.url("length/9"), limit: 9).count == 9)
        }
    }

    // MARK: TLS

    private func fetch(_ url: String, _ environment: [String: String] = [:]) throws -> String {
        try HTTPTransport.with(environment: environment) {
            String(decoding: try $0.read(url, limit: 10_000), as: UTF8.self)
        }
    }

    @Test func onlyVouchedForServersAreRead() throws {
        let certificate = try Certificate(names: "localhost")
        let server = try LocalServer.hostile(certificate: certificate)
        let trusting = ["SSL_CERT_FILE": certificate.path]
        #expect(try fetch(server.url("chunked", scheme: "https", host: "localhost"), trusting) == "one two three")
        let unknown = #expect(throws: HTTPTransportError.self) {
            try fetch(server.url("chunked", scheme: "https", host: "localhost"))
        }
        #expect(unknown?.code == .untrusted, "\(String(describing: unknown))")
        #expect(unknown?.message.contains("not vouched for by this host's authorities") == true)
        let misnamed = #expect(throws: HTTPTransportError.self) {
            try fetch(server.url("chunked", scheme: "https"), trusting)
        }
        #expect(misnamed?.code == .untrusted, "\(String(describing: misnamed))")
        let missing = #expect(throws: HTTPTransportError.self) {
            try fetch(
                server.url("chunked", scheme: "https", host: "localhost"), ["SSL_CERT_FILE": "/nonexistent/ca.pem"])
        }
        #expect(missing?.code == .untrusted, "\(String(describing: missing))")
        #expect(missing?.message.contains("SSL_CERT_FILE") == true)
    }

    @Test func redirectsLeadIntoTLSAndNotOut() throws {
        let certificate = try Certificate(names: "localhost")
        let (open, closed) = (try LocalServer.hostile(), try LocalServer.hostile(certificate: certificate))
        let trusting = ["SSL_CERT_FILE": certificate.path]
        let safe = closed.url("chunked", scheme: "https", host: "localhost")
        #expect(try fetch(open.url("to/\(safe)"), trusting) == "one two three")
        let error = #expect(throws: HTTPTransportError.self) {
            try fetch(closed.url("to/\(open.url("chunked"))", scheme: "https", host: "localhost"), trusting)
        }
        #expect(error?.code == .redirected)
        #expect(error?.message.contains("redirected from https to http://127.0.0.1") == true)
    }

    // MARK: Proxies

    @Test func aProxyIsAskedForTheWholeAddress() throws {
        let proxy = try LocalServer.hostile()
        let environment = ["http_proxy": proxy.url("")]
        let seen = try fetch("http://files.example.org:8080/a%20b/c?d=e%2Ff", environment)
        #expect(seen.hasPrefix("proxied\nGET http://files.example.org:8080/a%20b/c?d=e%2Ff HTTP/1.1\r\n"), "\(seen)")
        #expect(seen.lowercased().contains("host: files.example.org:8080"))
        let direct = try fetch(proxy.url("head"), environment.merging(["no_proxy": "127.0.0.1"]) { $1 })
        #expect(direct.hasPrefix("GET /head HTTP/1.1"))
    }

    @Test func tlsGoesThroughTheProxyAsItIs() throws {
        // A name that only the proxy can lead anywhere.
        let certificate = try Certificate(names: "files.example.org")
        let server = try LocalServer.hostile(certificate: certificate)
        let proxy = try LocalServer.hostile()
        let url = server.url("chunked", scheme: "https", host: "files.example.org")
        let environment = ["https_proxy": "127.0.0.1:\(proxy.port)"]
        #expect(try fetch(url, environment.merging(["SSL_CERT_FILE": certificate.path]) { $1 }) == "one two three")
        let error = #expect(throws: HTTPTransportError.self) { try fetch(url, environment) }
        #expect(error?.code == .untrusted, "\(String(describing: error))")
    }
}
