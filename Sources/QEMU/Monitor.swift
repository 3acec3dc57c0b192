import StrictJSON
package import System

/// QEMU's control protocol, QMP: commands out, events in (docs/interop/qmp-spec.txt).
package struct Monitor {
    package enum Event: Equatable, Sendable {
        /// The guest reset itself, as it does after a panic, or reported one.
        case reset
        /// A disk of the machine found no room on the host; the machine stands still.
        case diskFull(device: String)
        case diskFailed(device: String, reason: String)
    }

    package let socket: Descriptor
    private var buffer: [UInt8] = []
    private static let mostBytes = 1 << 20

    /// Over a connected socket. The greeting is answered at once.
    package init(socket: Descriptor) throws {
        self.socket = socket
        try send("qmp_capabilities")
        try socket.setNonblocking()
    }

    package func send(_ command: String) throws { try socket.write("{\"execute\":\"\(command)\"}\n".utf8) }

    /// What came since the last look. Answers to commands are checked, then dropped; nil: QEMU has closed its end.
    package mutating func receive() throws -> [Event]? {
        var events: [Event] = []
        while let bytes = try socket.read(upTo: 1 << 16) {
            if bytes.isEmpty { return events.isEmpty ? nil : events }
            buffer += bytes
            guard buffer.count < Self.mostBytes else {
                throw QEMUError(.protocolViolation, "QEMU sent a QMP line of more than \(Self.mostBytes) bytes")
            }
            while let end = buffer.firstIndex(of: 10) {
                let line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                let value = try StrictJSON.decode(JSONValue.self, from: line, source: "QMP")
                if let event = try Self.event(value) { events.append(event) }
            }
        }
        return events
    }

    private static func event(_ value: JSONValue) throws -> Event? {
        if case .string(let text)? = value["error"]?["desc"] {
            throw QEMUError(.commandRefused, "QEMU refused a command: \(text)")
        }
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
