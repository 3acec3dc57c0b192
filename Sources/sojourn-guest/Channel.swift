import GuestProtocol
import Linux

/// The frames to and from the supervisor over the virtio-serial port.
///
/// The port never blocks the agent: what does not fit waits here, and a payload that writes faster than the host can
/// store is not read any further (`hasRoom`).
struct Channel {
    let port: Descriptor
    private var decoder = FrameDecoder()
    private var outgoing: [UInt8] = []
    private var sent: UInt64 = 0
    /// Output frames under way: their sequence and size.
    private var unacknowledged: [(sequence: UInt64, bytes: Int)] = []

    init() throws { port = try Self.openPort() }

    private static func openPort() throws -> Descriptor {
        let ports = "/sys/class/virtio-ports"
        // The ports appear when the host has answered the driver, a moment after the module was loaded.
        let deadline = ContinuousClock.now.advanced(by: .seconds(20))
        repeat {
            for name in Files.exists(ports) ? try Files.list(ports) : [] {
                let text = String(decoding: try Files.read("\(ports)/\(name)/name", limit: 256), as: UTF8.self)
                guard text.filter({ !$0.isWhitespace }) == GuestLink.portName else { continue }
                let port = try Descriptor.open("/dev/\(name)", 2)
                try port.setNonblocking()
                return port
            }
            _ = try Poll.wait([], until: ContinuousClock.now.advanced(by: .milliseconds(5)))
        } while ContinuousClock.now < deadline
        throw SystemError(code: 0, message: "no virtio-serial port is named \(GuestLink.portName)")
    }

    var interest: Poll.Interest { outgoing.isEmpty ? .readable : [.readable, .writable] }
    var hasRoom: Bool { unacknowledged.reduce(0) { $0 + $1.bytes } < GuestLink.outputWindow }

    mutating func send(_ message: GuestMessage) throws {
        sent += 1
        let bytes = message.frame(sequence: sent).encoded
        if case .output = message { unacknowledged.append((sent, bytes.count)) }
        outgoing += bytes
        try flush()
    }

    mutating func flush() throws {
        while !outgoing.isEmpty {
            let went = try port.writeSome(outgoing[...])
            if went == 0 { return }
            outgoing.removeFirst(went)
        }
    }

    /// All messages that have arrived, acknowledgements already applied.
    mutating func receive() throws -> [HostMessage] {
        var messages: [HostMessage] = []
        while let bytes = try port.read(upTo: 1 << 16), !bytes.isEmpty {
            decoder.append(bytes)
            while let frame = try decoder.next() {
                let message = try HostMessage(frame)
                if case .acknowledged(let sequence) = message {
                    unacknowledged.removeAll { $0.sequence <= sequence }
                } else {
                    messages.append(message)
                }
            }
        }
        return messages
    }
}
