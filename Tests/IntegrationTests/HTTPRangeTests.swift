import Foundation
import HTTPTransport
import Synchronization
import Testing

/// Exact ranges of files, many at once, and what is sent to a server.
@Suite struct HTTPRangeTests {
    private let server: LocalServer

    init() throws { server = try .hostile() }

    private static func read(_ transport: HTTPTransport, _ url: String, _ range: Range<Int64>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try transport.read(url, range: range, within: .seconds(60)) { bytes += $0 }
        return bytes
    }

    private func read(_ path: String, _ range: Range<Int64>) throws -> [UInt8] {
        try HTTPTransport.with(environment: [:]) { try Self.read($0, server.url(path), range) }
    }

    private func connections(_ transport: HTTPTransport) throws -> Int {
        Int(String(decoding: try transport.read(server.url("connections"), limit: 20), as: UTF8.self)) ?? -1
    }

    @Test(arguments: [0..<1, 0..<1000, 600..<700, 999..<1000]) func exactlyTheAskedBytesArrive(range: Range<Int64>)
        throws
    {
        let whole = LocalServer.content(1000)
        #expect(try read("part/1000", range) == Array(whole[Int(range.lowerBound)..<Int(range.upperBound)]))
        #expect(try read("to/\(server.url("part/1000"))", range).count == range.count)
    }

    @Test(arguments: [
        ("part/1000", 990..<1010, HTTPTransportError.Code.malformed, "bytes 990 to 1009, the server sent"),
        ("range", 2000..<2001, .malformed, "the server's file ends before byte 2000"),
        ("length/1000", 0..<1000, .noRanges, "the server sends the whole file where a part was asked for"),
        ("endless", 5..<10, .noRanges, "the server sends the whole file"),
        ("range-says/bytes_5-9/*", 5..<11, .malformed, "it calls 'bytes 5-9/*'"),
        ("range-says/bytes_5-9/1000", 5..<10, .malformed, "it calls 'bytes 5-9/1000'"),
        ("range-says/bytes_+990-999/1000", 990..<1000, .malformed, "it calls 'bytes +990-999/1000'"),
        ("status/404", 0..<5, .notFound, "(404)"), ("nowhere", 0..<5, .malformed, "redirect"),
    ])
    func otherBytesAreRefused(path: String, range: Range<Int64>, code: HTTPTransportError.Code, words: String) throws {
        let error = try #require(throws: HTTPTransportError.self) { try read(path, range) }
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains(words), "\(error)")
    }

    @Test(arguments: [("120", 120), ("0", 0), ("99999999", 3600), ("-5", nil), ("Wed, 21 Oct 2026 07:28:00 GMT", nil)])
    func aBusyServerSaysWhenToAskAgain(header: String, seconds: Int?) throws {
        let path = "busy/\(header.replacing(" ", with: "%20").replacing(",", with: "%2C"))"
        let error = try #require(throws: HTTPTransportError.self) { try read(path, 0..<5) }
        #expect(error.code == .busy && error.retryAfter == seconds.map { .seconds($0) }, "\(error)")
        #expect(error.message.contains("the server is busy (503)"), "\(error)")
    }

    @Test func connectionsAreKeptAndUsedAgain() throws {
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            for _ in 0..<50 { #expect(try Self.read(transport, server.url("part/1000"), 10..<20).count == 10) }
            #expect(try connections(transport) == 1)
        }
    }

    /// The server ends the connection when the next request comes, which is asked again in a new one.
    @Test func aConnectionThatTheServerHasLeftCostsNothing() throws {
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            for _ in 0..<10 {
                #expect(try Self.read(transport, server.url("forgetful/1000"), 10..<20).count == 10)
            }
            // Once is enough: a server that never answers is not asked for ever.
            let error = #expect(throws: HTTPTransportError.self) {
                try Self.read(transport, server.url("closed"), 10..<20)
            }
            #expect(error?.code == .unreachable)
        }
    }

    @Test func eightAskAtOnceOverEightConnections() throws {
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            let whole = LocalServer.content(100_000)
            let failures = Mutex<[String]>([])
            let url = server.url("meet/100000")
            let threads = (0..<8).map { number in
                Thread {
                    for round in 0..<5 {
                        let start = number * 10_000 + round * 1000
                        do {
                            let found = try Self.read(transport, url, Int64(start)..<Int64(start + 20_000))
                            guard found != Array(whole[start..<start + 20_000]) else { continue }
                            failures.withLock { $0.append("wrong bytes from \(start)") }
                        } catch { failures.withLock { $0.append("\(error)") } }
                    }
                }
            }
            for thread in threads { thread.start() }
            try eventually(.seconds(60), "all threads to end") { threads.allSatisfy(\.isFinished) }
            #expect(failures.withLock { $0 } == [])
            #expect(try connections(transport) == 8)
        }
    }

    @Test func whatIsPostedArrivesOnce() throws {
        try HTTPTransport.with(environment: [:]) { (transport: HTTPTransport) throws in
            let head = try transport.post(
                server.url("head"), body: Array("{\"port\":1}".utf8), contentType: "application/json")
            let text = String(decoding: head, as: UTF8.self).lowercased()
            #expect(text.hasPrefix("post /head http/1.1"))
            #expect(text.contains("content-length: 10") && text.contains("content-type: application/json"), "\(text)")
            let long = #expect(throws: HTTPTransportError.self) {
                try transport.post(server.url("length/11"), body: [], contentType: "text/plain", limit: 10)
            }
            #expect(long?.code == .tooLong)
            let moved = #expect(throws: HTTPTransportError.self) {
                try transport.post(server.url("chain/1"), body: [], contentType: "text/plain")
            }
            #expect(moved?.code == .redirected)
        }
    }
}
