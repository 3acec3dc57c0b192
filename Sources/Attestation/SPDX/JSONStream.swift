import StrictJSON

/// Writes JSON that is too long to be held: in pieces of some 64 KiB.
struct JSONStream {
    private static let pieceSize = 1 << 16

    private let sink: ([UInt8]) throws -> Void
    private var buffer: [UInt8] = []

    init(_ sink: @escaping ([UInt8]) throws -> Void) { self.sink = sink }

    /// JSON as it is.
    mutating func raw(_ text: String) throws {
        buffer += text.utf8
        if buffer.count >= Self.pieceSize { try flush() }
    }

    mutating func value(_ value: some Encodable) throws {
        buffer += try StrictJSON.encode(value)
        if buffer.count >= Self.pieceSize { try flush() }
    }

    /// The inside of a string (RFC 8259, section 7).
    mutating func escaped(_ text: String) throws {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): buffer += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                buffer += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: buffer.append(byte)
            }
        }
        if buffer.count >= Self.pieceSize { try flush() }
    }

    /// Hands over what is left.
    mutating func flush() throws {
        if !buffer.isEmpty { try sink(buffer) }
        buffer.removeAll(keepingCapacity: true)
    }
}
