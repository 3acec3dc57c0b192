import GuestProtocol
import Linux

/// A `sojourn run` that follows its machine: its input and signals come in, the machine's status goes out.
struct ClientConnection {
    let socket: Descriptor
    private var decoder = FrameDecoder()
    private var outgoing: [UInt8] = []
    private var lastTold: MachineStatus?

    init(socket: Descriptor) { self.socket = socket }

    func interest(takesInput: Bool) -> Poll.Interest {
        var interest: Poll.Interest = takesInput ? .readable : []
        if !outgoing.isEmpty { interest.insert(.writable) }
        return interest
    }

    /// Sends `status` unless it is known or the client has not taken the last one yet: then the newest follows later.
    mutating func tell(_ status: MachineStatus) throws {
        if outgoing.isEmpty && lastTold != status {
            outgoing = try status.line()
            lastTold = status
        }
        while !outgoing.isEmpty {
            let went = try socket.writeSome(outgoing[...])
            if went == 0 { return }
            outgoing.removeFirst(went)
        }
    }

    func isBehind(_ status: MachineStatus) -> Bool { !outgoing.isEmpty || lastTold != status }

    /// The messages that have arrived; nil when the client is gone.
    mutating func receive() throws -> [HostMessage]? {
        guard let bytes = try socket.read(upTo: 1 << 16) else { return [] }
        if bytes.isEmpty { return nil }
        decoder.append(bytes)
        var messages: [HostMessage] = []
        while let frame = try decoder.next() { messages.append(try HostMessage(frame)) }
        return messages
    }
}
