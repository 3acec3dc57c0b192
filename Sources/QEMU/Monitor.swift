package import Linux
import StrictJSON

/// QEMU's control protocol, QMP: commands out, events and answers in (docs/interop/qmp-spec.txt).
package struct Monitor {
    package enum Event: Equatable, Sendable {
        /// The guest reset itself, as it does after a panic, or reported one.
        case reset
        /// A disk of the machine found no room on the host; the machine stands still.
        case diskFull(device: String)
        case diskFailed(device: String, reason: String)
        /// The answer to `queryBlockStatistics`.
        case blockStatistics(BlockStatistics)
    }

    /// What the guest has read from and written to all its disks so far, in bytes.
    package struct BlockStatistics: Equatable, Sendable {
        package var readBytes: Int64 = 0
        package var writtenBytes: Int64 = 0

        package init() {}
    }

    package let socket: Descriptor
    private var buffer: [UInt8] = []
    private var came: [Event] = []
    private var queriesOpen = 0
    private static let mostBytes = 1 << 20

    /// Over a connected socket. The greeting is answered at once.
    package init(socket: Descriptor) throws {
        self.socket = socket
        try send("qmp_capabilities")
        try socket.setNonblocking()
    }

    package func send(_ command: String) throws { try socket.write("{\"execute\":\"\(command)\"}\n".utf8) }

    /// Asks for the statistics of the disks, unless QEMU owes an answer: a machine that stands still is not asked again.
    package mutating func queryBlockStatistics() throws {
        guard queriesOpen == 0 else { return }
        try send("query-blockstats")
        queriesOpen += 1
    }

    /// Asks and waits for the answer until `deadline`; it comes by `receive` as all else.
    package mutating func awaitBlockStatistics(until deadline: ContinuousClock.Instant) throws {
        try queryBlockStatistics()
        while queriesOpen > 0, try Poll.wait(for: socket.raw, until: deadline), try read() {}
    }

    /// What came since the last look; answers to other commands are checked, then dropped. Nil: QEMU has closed its end.
    package mutating func receive() throws -> [Event]? {
        let isOpen = try read()
        defer { came = [] }
        return isOpen || !came.isEmpty ? came : nil
    }

    /// False where QEMU has closed its end.
    private mutating func read() throws -> Bool {
        while let bytes = try socket.read(upTo: 1 << 16) {
            if bytes.isEmpty { return false }
            buffer += bytes
            guard buffer.count < Self.mostBytes else {
                throw QEMUError(.protocolViolation, "QEMU sent a QMP line of more than \(Self.mostBytes) bytes")
            }
            while let end = buffer.firstIndex(of: 10) {
                let line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                let value = try StrictJSON.decode(JSONValue.self, from: line, source: "QMP")
                if case .string(let text)? = value["error"]?["desc"] {
                    throw QEMUError(.commandRefused, "QEMU refused a command: \(text)")
                }
                if let disks = value["return"]?.array {
                    queriesOpen = max(0, queriesOpen - 1)
                    came.append(.blockStatistics(try Self.sum(disks)))
                } else if let event = Self.event(value) {
                    came.append(event)
                }
            }
        }
        return true
    }

    private static func sum(_ disks: [JSONValue]) throws -> BlockStatistics {
        var sum = BlockStatistics()
        for disk in disks {
            try add(disk["stats"]?["rd_bytes"], to: &sum.readBytes)
            try add(disk["stats"]?["wr_bytes"], to: &sum.writtenBytes)
        }
        return sum
    }

    private static func add(_ value: JSONValue?, to sum: inout Int64) throws {
        let (total, overflows) = sum.addingReportingOverflow(max(0, value?.int ?? 0))
        if overflows { throw QEMUError(.protocolViolation, "QEMU counts more bytes than there are") }
        sum = total
    }

    private static func event(_ value: JSONValue) -> Event? {
        guard case .string(let name)? = value["event"] else { return nil }
        let data = value["data"]
        switch name {
        case "SHUTDOWN":
            return data?["reason"] == .string("guest-reset") || data?["reason"] == .string("guest-panic") ? .reset : nil
        case "GUEST_PANICKED":
            return .reset
        case "BLOCK_IO_ERROR":
            guard case .string(let device)? = data?["node-name"], case .string(let reason)? = data?["reason"] else {
                return nil
            }
            return data?["nospace"] == .bool(true)
                ? .diskFull(device: device) : .diskFailed(device: device, reason: reason)
        default:
            return nil
        }
    }
}
