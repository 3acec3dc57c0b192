/// What the host tells the guest. Types 64 to 127.
package enum HostMessage: Equatable, Sendable {
    /// The answer to the guest's hello.
    case hello(version: UInt16)
    case context(GuestContext)
    case input([UInt8])
    case inputClosed
    /// Nobody reads that stream any longer: the payload's next write to it fails, as on a local pipe.
    case outputClosed(GuestMessage.Stream)
    case window(columns: UInt16, rows: UInt16)
    /// For the payload's process group; KILL reaches all its processes.
    case signal(UInt8)
    /// All guest frames up to this one are on the host's disk.
    case acknowledged(sequence: UInt64)
    case powerOff
    /// In place of the one of that name, or besides the others.
    case document(GuestDocument)

    private enum Kind: UInt8 {
        case hello = 64
        case context, input, inputClosed, window, signal, acknowledged, powerOff, outputClosed, document
    }

    package func frame(sequence: UInt64) -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .hello(let version):
            kind = .hello
            writer.put(version)
        case .context(let context):
            kind = .context
            context.write(to: &writer)
        case .input(let bytes):
            kind = .input
            writer.put(raw: bytes)
        case .inputClosed:
            kind = .inputClosed
        case .outputClosed(let stream):
            kind = .outputClosed
            writer.put(stream.rawValue)
        case .window(let columns, let rows):
            kind = .window
            writer.put(columns)
            writer.put(rows)
        case .signal(let number):
            kind = .signal
            writer.put(number)
        case .acknowledged(let acknowledged):
            kind = .acknowledged
            writer.put(acknowledged)
        case .powerOff:
            kind = .powerOff
        case .document(let document):
            kind = .document
            document.write(to: &writer)
        }
        return Frame(type: kind.rawValue, sequence: sequence, body: writer.bytes)
    }

    package init(_ frame: Frame) throws {
        guard let kind = Kind(rawValue: frame.type) else {
            throw ProtocolError(.unknownType, "the host sent a frame of unknown type \(frame.type)")
        }
        var reader = WireReader(frame.body[...])
        switch kind {
        case .hello: self = .hello(version: try reader.integer("protocol version"))
        case .context: self = .context(try GuestContext(&reader))
        case .input: self = .input(reader.remainder())
        case .inputClosed: self = .inputClosed
        case .outputClosed: self = .outputClosed(try GuestMessage.stream(&reader))
        case .window: self = .window(columns: try reader.integer("columns"), rows: try reader.integer("rows"))
        case .signal: self = .signal(try reader.integer("signal"))
        case .acknowledged: self = .acknowledged(sequence: try reader.integer("sequence"))
        case .powerOff: self = .powerOff
        case .document: self = .document(try GuestDocument(&reader))
        }
        try reader.finish("frame of type \(frame.type)")
    }
}
