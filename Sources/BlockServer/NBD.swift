/// The Network Block Device protocol as far as we speak it: fixed newstyle, read-only, structured replies if asked for
/// (NetworkBlockDevice/nbd, doc/proto.md). Numbers are big-endian.
enum NBD {
    static let magic: UInt64 = 0x4e42_444d_4147_4943  // NBDMAGIC
    static let optionMagic: UInt64 = 0x4948_4156_454f_5054  // IHAVEOPT
    static let optionReplyMagic: UInt64 = 0x0003_e889_0455_65a9
    static let requestMagic: UInt32 = 0x2560_9513
    static let simpleReplyMagic: UInt32 = 0x6744_6698
    static let structuredReplyMagic: UInt32 = 0x668e_33ef

    /// Handshake flags: fixed newstyle, no zeroes.
    static let handshakeFlags: UInt16 = 0b11

    enum Option {
        static let exportName: UInt32 = 1
        static let abort: UInt32 = 2
        static let list: UInt32 = 3
        static let info: UInt32 = 6
        static let go: UInt32 = 7
        static let structuredReply: UInt32 = 8
    }

    enum OptionReply {
        static let acknowledged: UInt32 = 1
        static let server: UInt32 = 2
        static let info: UInt32 = 3
        static let unsupported: UInt32 = 1 << 31 | 1
        static let invalid: UInt32 = 1 << 31 | 3
        static let unknown: UInt32 = 1 << 31 | 6
    }

    enum Information {
        static let export: UInt16 = 0
        static let blockSize: UInt16 = 3
    }

    /// Transmission flags: they are there, read-only, flush, do not fragment, several connections see the same.
    static let transmissionFlags: UInt16 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7 | 1 << 8

    enum Command {
        static let read: UInt16 = 0
        static let write: UInt16 = 1
        static let disconnect: UInt16 = 2
        static let flush: UInt16 = 3
        static let cache: UInt16 = 5
    }

    enum Chunk {
        static let none: UInt16 = 0
        static let data: UInt16 = 1
        static let error: UInt16 = 1 << 15 | 1
    }

    /// The protocol's own error numbers.
    enum Fault: UInt32 {
        case notPermitted = 1
        case inputOutput = 5
        case invalid = 22
    }

    /// Of option data that is read; more is passed over.
    static let mostOptionData: UInt32 = 4096
    /// Of one read.
    static let mostBytes: UInt32 = 32 << 20
    static let requestSize = 28
}

/// One request of the transmission phase.
struct NBDRequest {
    let flags: UInt16
    let type: UInt16
    let cookie: UInt64
    let offset: UInt64
    let length: UInt32

    /// Nil where these `NBD.requestSize` bytes are no request.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)) == NBD.requestMagic else { return nil }
        flags = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        type = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        cookie = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        offset = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        length = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
    }
}

extension [UInt8] {
    mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}
