import GuestProtocol
import Linux

/// The supervisor's end of the frames to and from a guest, which is not trusted: every frame is checked, nothing blocks.
struct GuestChannel {
    let socket: Descriptor
    private var decoder = FrameDecoder()
    private var outgoing: [UInt8] = []
    private static let mostOutgoing = 4 << 20
    private var sent: UInt64 = 0
    private var seen: UInt64 = 0
    private var acknowledged: UInt64 = 0

    init(socket: Descriptor) throws {
        self.socket = socket
        try socket.setNonblocking()
    }

    var interest: Poll.Interest { outgoing.isEmpty ? .readable : [.readable, .writable] }

    mutating func send(_ message: HostMessage) throws {
        guard outgoing.count < Self.mostOutgoing else {
            throw ProtocolError(.tooLong, "it does not take what it is sent")
        }
        sent += 1
        outgoing += message.frame(sequence: sent).encoded
        try flush()
    }

    mutating func flush() throws {
        do {
            while !outgoing.isEmpty {
                let went = try socket.writeSome(outgoing[...])
                if went == 0 { return }
                outgoing.removeFirst(went)
            }
        } catch let error as SystemError where error.isBrokenPipe {
            // QEMU is gone, which its process descriptor tells in a moment.
            outgoing = []
        }
    }

    /// The messages in at most a mebibyte of what has arrived; nil when QEMU has closed its end.
    mutating func receive() throws -> [GuestMessage]? {
        var messages: [GuestMessage] = []
        for _ in 0..<16 {
            guard let bytes = try socket.read(upTo: 1 << 16) else { break }
            if bytes.isEmpty { return messages.isEmpty ? nil : messages }
            decoder.append(bytes)
            while let frame = try decoder.next() {
                messages.append(try GuestMessage(frame))
                seen = frame.sequence
            }
        }
        return messages
    }

    /// Tells the guest that everything received so far is stored.
    mutating func acknowledge() throws {
        // A guest that does not read gets the newest acknowledgement later, not all of them.
        guard seen > acknowledged, outgoing.isEmpty else { return }
        acknowledged = seen
        try send(.acknowledged(sequence: seen))
    }
}
