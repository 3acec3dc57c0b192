import Glibc

/// Answers that wait to be sent together.
struct Replies {
    private let isStructured: Bool
    private var buffer: UnsafeMutableRawBufferPointer
    private var used = 0
    /// From here on they are sent.
    private static let long = 256 << 10

    init(isStructured: Bool) {
        self.isStructured = isStructured
        buffer = .allocate(byteCount: 4096, alignment: 16)
    }

    func deallocate() { buffer.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<used]) }
    var isLong: Bool { used >= Self.long }

    /// A large answer's room is not kept.
    mutating func clear() {
        used = 0
        if buffer.count > 4 * Self.long {
            buffer.deallocate()
            buffer = .allocate(byteCount: Self.long, alignment: 16)
        }
    }

    /// Adds the answer to a read, whose data `fill` writes; nothing where that returns false.
    mutating func answer(
        _ request: NBDRequest, _ fill: (UnsafeMutableRawBufferPointer) throws -> Bool
    ) rethrows -> Bool {
        let before = used
        let length = Int(request.length)
        reserve(28 + length)
        if isStructured {
            chunk(NBD.Chunk.data, request.cookie, length: UInt32(8 + length))
            put(request.offset)
        } else {
            simple(request.cookie, error: 0)
        }
        guard try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + length])) else {
            used = before
            return false
        }
        used += length
        return true
    }

    mutating func acknowledge(_ request: NBDRequest) {
        reserve(20)
        if isStructured {
            chunk(NBD.Chunk.none, request.cookie, length: 0)
        } else {
            simple(request.cookie, error: 0)
        }
    }

    mutating func refuse(_ request: NBDRequest, _ fault: NBD.Fault) {
        reserve(26)
        if isStructured {
            chunk(NBD.Chunk.error, request.cookie, length: 6)
            put(fault.rawValue)
            put(UInt16(0))
        } else {
            simple(request.cookie, error: fault.rawValue)
        }
    }

    /// Every answer is one chunk, the last.
    private mutating func chunk(_ type: UInt16, _ cookie: UInt64, length: UInt32) {
        put(NBD.structuredReplyMagic)
        put(UInt16(1))
        put(type)
        put(cookie)
        put(length)
    }

    private mutating func simple(_ cookie: UInt64, error: UInt32) {
        put(NBD.simpleReplyMagic)
        put(error)
        put(cookie)
    }

    private mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(from: bytes)
            used += bytes.count
        }
    }

    private mutating func reserve(_ count: Int) {
        guard used + count > buffer.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(used + count, 2 * buffer.count), alignment: 16)
        larger.copyMemory(from: bytes)
        buffer.deallocate()
        buffer = larger
    }
}
