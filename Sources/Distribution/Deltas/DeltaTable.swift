/// The beginning of a delta blob: how long each of its zstd frames is, in a frame that zstd itself passes over
/// (RFC 8878, section 3.1.2): magic, size, then a length of 8 bytes for each, all little-endian.
struct DeltaTable: Equatable {
    /// In bytes, of each segment's frame.
    let lengths: [Int64]

    private static let magic: UInt32 = 0x184D_2A5D

    var encoded: [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        return bytes(Self.magic) + bytes(UInt32(8 * lengths.count)) + lengths.flatMap { bytes(UInt64($0)) }
    }

    static func size(segments: Int) -> Int { 8 + 8 * segments }

    init(lengths: [Int64]) { self.lengths = lengths }

    /// Nil for anything but the table of so many segments in a blob of `size` bytes.
    init?(decoding bytes: [UInt8], segments: Int, size: Int64) {
        guard bytes.count == Self.size(segments: segments) else { return nil }
        func number<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
            bytes.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
        }
        guard number(UInt32.self, at: 0) == Self.magic, number(UInt32.self, at: 4) == 8 * segments else { return nil }
        var lengths: [Int64] = []
        var rest = size - Int64(bytes.count)
        for index in 0..<segments {
            guard let length = Int64(exactly: number(UInt64.self, at: 8 + 8 * index)), (1...max(1, rest)) ~= length
            else {
                return nil
            }
            lengths.append(length)
            rest -= length
        }
        guard rest == 0 else { return nil }
        self.lengths = lengths
    }
}
