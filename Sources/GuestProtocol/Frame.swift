/// One unit on the wire: u32 length of what follows, u8 type, u64 sequence, body. Big-endian.
///
/// Each side numbers its frames 1, 2, 3, …; a gap means that something was lost, and ends the conversation.
package struct Frame: Equatable, Sendable {
    /// The most that a frame's length field may say: 1 MiB.
    package static let mostBytes = 1 << 20
    /// Type and sequence.
    static let headerBytes = 9

    package let type: UInt8
    package let sequence: UInt64
    package let body: [UInt8]

    package init(type: UInt8, sequence: UInt64, body: [UInt8]) {
        self.type = type
        self.sequence = sequence
        self.body = body
    }

    package var encoded: [UInt8] {
        precondition(body.count + Self.headerBytes <= Self.mostBytes, "a frame holds at most 1 MiB")
        var writer = WireWriter()
        writer.put(UInt32(body.count + Self.headerBytes))
        writer.put(type)
        writer.put(sequence)
        writer.put(raw: body)
        return writer.bytes
    }
}

/// Cuts a byte stream into frames and checks their order.
package struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var consumed = 0
    private var lastSequence: UInt64 = 0

    package init() {}

    package mutating func append(_ bytes: [UInt8]) {
        if consumed > 0 {
            buffer.removeFirst(consumed)
            consumed = 0
        }
        buffer += bytes
    }

    /// The next whole frame; nil until more bytes come.
    package mutating func next() throws -> Frame? {
        let available = buffer[consumed...]
        guard available.count >= 4 else { return nil }
        var header = WireReader(available)
        let length = Int(try header.integer("length") as UInt32)
        guard length >= Frame.headerBytes, length <= Frame.mostBytes else {
            throw ProtocolError(
                .tooLong, "a frame of \(length) bytes: expected \(Frame.headerBytes) to \(Frame.mostBytes)")
        }
        guard available.count >= 4 + length else { return nil }
        let type: UInt8 = try header.integer("type")
        let sequence: UInt64 = try header.integer("sequence")
        guard sequence == lastSequence + 1 else {
            throw ProtocolError(.sequence, "frame \(sequence) came after frame \(lastSequence)")
        }
        lastSequence = sequence
        let body = Array(available.dropFirst(4 + Frame.headerBytes).prefix(length - Frame.headerBytes))
        consumed += 4 + length
        return Frame(type: type, sequence: sequence, body: body)
    }
}
