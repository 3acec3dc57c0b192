import Linux
import QEMU
import Testing

/// QEMU's control protocol, with a test in QEMU's place.
@Suite struct MonitorTests {
    private let qemu: Descriptor
    private var monitor: Monitor

    init() throws {
        let (ours, theirs) = try Socket.pair()
        qemu = theirs
        monitor = try Monitor(socket: ours)
        try qemu.setNonblocking()
    }

    private static var soon: ContinuousClock.Instant { .now.advanced(by: .milliseconds(50)) }

    private func asked() throws -> Int {
        String(decoding: try qemu.read(upTo: 1 << 16) ?? [], as: UTF8.self).split(separator: "\n")
            .filter { $0.contains("query-blockstats") }.count
    }

    @Test func theStatisticsOfAllDisksAreOneAndEventsBeforeThemStay() throws {
        var monitor = monitor
        try qemu.write(
            """
            {"QMP": {"version": {}}}
            {"return": {}}
            {"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}
            {"return": [{"stats": {"rd_bytes": 10, "wr_bytes": 2}}, {"node-name": "x"}, {"stats": {"rd_bytes": 5, "wr_bytes": 1}}]}

            """.utf8)
        try monitor.awaitBlockStatistics(until: Self.soon)
        var sum = Monitor.BlockStatistics()
        (sum.readBytes, sum.writtenBytes) = (15, 3)
        #expect(try monitor.receive() == [.reset, .blockStatistics(sum)])
        #expect(try monitor.receive() == [])
    }

    @Test func aMachineThatStandsStillIsAskedOnceAndNotWaitedFor() throws {
        var monitor = monitor
        let begun = ContinuousClock.now
        for _ in 0..<3 { try monitor.awaitBlockStatistics(until: Self.soon) }
        #expect(begun.duration(to: .now) < .seconds(5))
        #expect(try asked() == 1)
        // Its late answer counts, and it may be asked again.
        try qemu.write("{\"return\": []}\n".utf8)
        #expect(try monitor.receive() == [.blockStatistics(Monitor.BlockStatistics())])
        try monitor.queryBlockStatistics()
        #expect(try asked() == 1)
    }

    @Test func countsThatCannotBeAreNoneOrAFault() throws {
        var monitor = monitor
        try qemu.write("{\"return\": [{\"stats\": {\"rd_bytes\": -5, \"wr_bytes\": 1}}]}\n".utf8)
        var sum = Monitor.BlockStatistics()
        sum.writtenBytes = 1
        #expect(try monitor.receive() == [.blockStatistics(sum)])
        let most = "{\"stats\": {\"rd_bytes\": 0, \"wr_bytes\": \(Int64.max)}}"
        try qemu.write("{\"return\": [\(most), \(most)]}\n".utf8)
        #expect(throws: QEMUError(.protocolViolation, "")) { try monitor.receive() }
    }

    @Test func aRefusedCommandIsAFault() throws {
        var monitor = monitor
        try qemu.write("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}\n".utf8)
        #expect(throws: QEMUError(.commandRefused, "")) { try monitor.receive() }
    }
}
