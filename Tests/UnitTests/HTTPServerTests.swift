import Testing

@testable import HTTPServer

@Suite struct AskedRangeTests {
    @Test(arguments: [
        ("bytes=0-0", AskedRange.from(0, through: 0)), ("bytes=5-9", .from(5, through: 9)),
        ("Bytes=7-", .from(7, through: nil)),
        ("bytes=-4", .last(4)),
    ])
    func rangesAreRead(text: String, meaning: AskedRange) { #expect(AskedRange(parsing: text) == meaning) }

    @Test(arguments: [
        "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-5", "bytes=0-1,5-6", "octets=0-1", "bytes=0-1 ",
        "bytes=+1-2",
        "bytes=1-2-3", "bytes=99999999999999999999-", "bytes 0-1",
    ])
    func othersAreNone(text: String) { #expect(AskedRange(parsing: text) == nil) }

    @Test(arguments: [
        (AskedRange.from(0, through: 0), Int64(10), Range<Int64>?.some(0..<1)), (.from(5, through: 99), 10, 5..<10),
        (.from(9, through: nil), 10, 9..<10), (.from(10, through: nil), 10, nil), (.last(3), 10, 7..<10),
        (.last(30), 10, 0..<10), (.last(0), 10, nil), (.last(1), 0, nil), (.from(0, through: nil), 0, nil),
        (.from(0, through: .max), 10, 0..<10),
    ])
    func rangesAreCutToTheFile(range: AskedRange, size: Int64, meaning: Range<Int64>?) {
        #expect(range.resolved(in: size) == meaning)
    }
}

@Suite struct RequestPathTests {
    @Test(arguments: [
        ("/", []), ("/a/b", ["a", "b"]), ("/a%20b/c?d=/../e", ["a b", "c"]),
        ("/lhc%2Fx".replacing("%2F", with: "="), ["lhc=x"]),
        ("/%C3%A4", ["\u{e4}"]),
    ])
    func pathsAreComponents(target: String, components: [String]) {
        #expect(RequestPath.components(of: target) == components)
    }

    @Test(arguments: [
        "", "a", "http://a.org/b", "/..", "/../etc/passwd", "/a/../../b", "/a/%2e%2e/b", "/%2E%2e%2fetc", "/.state/x",
        "/a/.git/config",
        "//a", "/a//b", "/a/", "/a%00b", "/a%0Ab", "/a%2Fb", "/%FF", "/%", "/%4", "/%zz", "/./a",
    ])
    func nothingLeadsElsewhere(target: String) { #expect(RequestPath.components(of: target) == nil) }

    @Test func whatIsTooLongIsNone() {
        #expect(RequestPath.components(of: "/" + String(repeating: "a", count: 5000)) == nil)
    }
}

@Suite struct TokenBucketTests {
    /// However it is asked, no more goes than the rate and the little that was saved.
    @Test(arguments: [UInt64(1), 2, 3]) func theRateIsKeptOnAverage(seed: UInt64) throws {
        var bucket = TokenBucket(bytesPerSecond: 100_000, now: .seconds(5))
        var now = Duration.seconds(5)
        var sent = 0
        var step = seed
        while now < .seconds(65) {
            step = step &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let count = 1 + Int(step >> 33) % 25_000
            let wait = bucket.take(count, at: now)
            now += try #require(wait)
            sent += count
            if step & 64 == 0 { now += .milliseconds(Int64(step >> 40) % 500) }
        }
        #expect(sent <= 60 * 100_000 + 50_000 + 25_000 * 2, "\(sent)")
    }

    @Test func whatIsThereGoesAtOnce() {
        var bucket = TokenBucket(bytesPerSecond: 1000, now: .zero)
        // An hour of silence saves a quarter of a second.
        let asked: [(Int, Duration)] = [
            (250, .zero), (1000, .zero), (1, .zero), (1250, .seconds(3600)), (1, .seconds(3600)),
        ]
        let waits = asked.map { bucket.take($0.0, at: $0.1) }
        #expect(waits == [.zero, .zero, .seconds(1), .zero, .seconds(1)])
    }

    /// An overload ends when those who made it have gone: nothing is counted for those who were sent away.
    @Test func thereIsNoDebtBeyondWhatIsWaitedFor() {
        var bucket = TokenBucket(bytesPerSecond: 1000, now: .zero)
        let waits = (0..<1000).map { _ in bucket.take(1000, at: .zero, most: .seconds(3)) }
        #expect(waits.compactMap(\.self) == [.zero, .seconds(0.75), .seconds(1.75), .seconds(2.75)])
        #expect(bucket.take(1000, at: .seconds(4), most: .seconds(3)) == .zero)
    }

    @Test func whatDidNotGoIsGivenBack() {
        var bucket = TokenBucket(bytesPerSecond: 1000, now: .zero)
        for _ in 0..<1000 {
            _ = bucket.take(2000, at: .zero)
            bucket.giveBack(2000)
        }
        #expect(bucket.take(1, at: .zero) == .zero)
    }
}

@Suite struct AdmissionTests {
    private var limits: ServerLimits {
        var limits = ServerLimits()
        (limits.connections, limits.connectionsPerClient) = (3, 2)
        limits.bytesPerSecond = 1_000_000
        limits.bytesPerSecondPerClient = 1000
        return limits
    }

    @Test func aboveTheMostTheyAreToldAndFarAboveNotEvenThat() {
        let admission = Admission(limits, now: .zero)
        let verdicts = (0..<5).map { _ in admission.enter("a", now: .zero) }
        #expect(verdicts == [.admitted, .admitted, .busy, .busy, .refused])
        #expect((0..<3).map { _ in admission.enter("b", now: .zero) } == [.busy, .busy, .refused])
        for _ in 0..<4 { admission.leave("a") }
        #expect(admission.enter("c", now: .zero) == .admitted)
    }

    @Test func eachClientHasItsRateAndAllHaveOne() {
        let admission = Admission(limits, now: .zero)
        for client in ["a", "b"] { #expect(admission.enter(client, now: .zero) == .admitted) }
        #expect(admission.take(1250, for: "a", now: .zero) == .zero)
        #expect(admission.take(1, for: "a", now: .zero) == .seconds(1))
        #expect(admission.take(1, for: "b", now: .zero) == .zero)
        #expect(admission.pieceBytes == 4096)
    }

    @Test func whoWouldWaitTooLongIsCountedNowhere() {
        var limits = self.limits
        limits.bytesPerSecond = 1000
        let admission = Admission(limits, now: .zero)
        for client in ["a", "b"] { #expect(admission.enter(client, now: .zero) == .admitted) }
        #expect(admission.take(20_000, for: "a", now: .zero) == .zero)
        #expect(admission.take(1250, for: "b", now: .zero) == nil)
        admission.giveBack(20_000, of: "a")
        #expect(admission.take(1250, for: "b", now: .zero) == .zero)
        #expect(admission.take(1, for: "b", now: .zero) == .seconds(1))
    }
}
