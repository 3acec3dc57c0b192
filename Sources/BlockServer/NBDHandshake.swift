import Linux

/// What both sides agree on before the first request. The client is a guest's QEMU, or anybody at the socket.
struct NBDHandshake {
    private let socket: Descriptor
    private let size: Int64
    private(set) var hasStructuredReplies = false

    init(_ socket: Descriptor, size: Int64) {
        self.socket = socket
        self.size = size
    }

    /// True where transmission begins; false where the client took its leave.
    mutating func run() throws -> Bool {
        var greeting: [UInt8] = []
        greeting.append(number: NBD.magic)
        greeting.append(number: NBD.optionMagic)
        greeting.append(number: NBD.handshakeFlags)
        try socket.write(greeting)
        guard let flags = try number(UInt32.self) else { return false }
        guard flags & ~UInt32(NBD.handshakeFlags) == 0, flags & 1 == 1 else {
            throw BlockServerError(.badClient, "a client asked for handshake flags \(flags), which nobody offered")
        }
        let wantsZeroes = flags & 2 == 0
        // An honest client needs a handful.
        for _ in 0..<64 {
            guard let magic = try number(UInt64.self) else { return false }
            guard magic == NBD.optionMagic, let option = try number(UInt32.self),
                let length = try number(UInt32.self), length <= NBD.mostOptionData,
                let data = try read(Int(length))
            else { throw BlockServerError(.badClient, "a client sent an option that is none") }
            switch option {
            case NBD.Option.exportName:
                guard data.isEmpty else { throw BlockServerError(.badClient, "a client asked for an unknown export") }
                try socket.write(export + (wantsZeroes ? [UInt8](repeating: 0, count: 124) : []))
                return true
            case NBD.Option.abort:
                try reply(option, NBD.OptionReply.acknowledged)
                return false
            case NBD.Option.info, NBD.Option.go:
                if try inform(option, data), option == NBD.Option.go { return true }
            default: try answer(option, data)
            }
        }
        throw BlockServerError(.badClient, "a client did not come to an end with its options")
    }

    private mutating func answer(_ option: UInt32, _ data: [UInt8]) throws {
        switch option {
        case NBD.Option.list where data.isEmpty:
            try reply(option, NBD.OptionReply.server, [0, 0, 0, 0])
            try reply(option, NBD.OptionReply.acknowledged)
        case NBD.Option.structuredReply where data.isEmpty:
            hasStructuredReplies = true
            try reply(option, NBD.OptionReply.acknowledged)
        case NBD.Option.list, NBD.Option.structuredReply: try reply(option, NBD.OptionReply.invalid)
        default: try reply(option, NBD.OptionReply.unsupported)
        }
    }

    /// There is one export, and it has no name.
    private func inform(_ option: UInt32, _ data: [UInt8]) throws -> Bool {
        guard data.count >= 6 else {
            try reply(option, NBD.OptionReply.invalid)
            return false
        }
        guard data.prefix(4).allSatisfy({ $0 == 0 }) else {
            try reply(option, NBD.OptionReply.unknown)
            return false
        }
        var export: [UInt8] = []
        export.append(number: NBD.Information.export)
        try reply(option, NBD.OptionReply.info, export + self.export)
        var sizes: [UInt8] = []
        sizes.append(number: NBD.Information.blockSize)
        for size in [1, 4096, NBD.mostBytes] { sizes.append(number: size) }
        try reply(option, NBD.OptionReply.info, sizes)
        try reply(option, NBD.OptionReply.acknowledged)
        return true
    }

    private var export: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: UInt64(size))
        bytes.append(number: NBD.transmissionFlags)
        return bytes
    }

    private func reply(_ option: UInt32, _ type: UInt32, _ data: [UInt8] = []) throws {
        var bytes: [UInt8] = []
        bytes.append(number: NBD.optionReplyMagic)
        bytes.append(number: option)
        bytes.append(number: type)
        bytes.append(number: UInt32(data.count))
        try socket.write(bytes + data)
    }

    private func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number? {
        try read(MemoryLayout<Number>.size)?.reduce(0) { $0 << 8 | Number($1) }
    }

    /// Nil where the client has gone.
    private func read(_ count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let piece = try socket.read(upTo: count - bytes.count), !piece.isEmpty else { return nil }
            bytes += piece
        }
        return bytes
    }
}
