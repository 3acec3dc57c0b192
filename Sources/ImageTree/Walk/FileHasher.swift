import Crypto
import GridModel
import Linux

/// The sha256 of files, with one buffer for all of them.
struct FileHasher {
    private static let room = 1 << 19
    private static let zeros = [UInt8](repeating: 0, count: room)
    private var buffer = [UInt8](repeating: 0, count: room)

    /// `size` is what the file had when it was looked at. Holes are not read.
    mutating func digest(of place: String, size: Int64) throws -> GridModel.Digest {
        var hash = SHA256()
        if size > 0 {
            let file = try TreeFiles.open(place)
            var offset: Int64 = 0
            while offset < size {
                // Small files have no holes worth a call.
                let data = size <= Int64(Self.room) ? 0..<size : try file.dataRange(from: offset) ?? size..<size
                Self.hashZeros(min(data.lowerBound, size) - offset, into: &hash)
                try read(file, min(data.lowerBound, size)..<min(data.upperBound, size), place, into: &hash)
                offset = min(data.upperBound, size)
            }
        }
        return Digest(bytes: hash.finalize())
    }

    private mutating func read(
        _ file: Descriptor, _ range: Range<Int64>, _ place: String, into hash: inout SHA256
    ) throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = Int(min(Int64(Self.room), range.upperBound - offset))
            let got = try buffer.withUnsafeMutableBytes { bytes in
                let got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]), at: offset)
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[..<got]))
                return got
            }
            guard got > 0 else {
                throw ImageTreeError(
                    .unsuitableTree, "\(place) became shorter while it was read: end what still writes to the tree")
            }
            offset += Int64(got)
        }
    }

    private static func hashZeros(_ count: Int64, into hash: inout SHA256) {
        var rest = count
        while rest > 0 {
            let part = min(rest, Int64(room))
            zeros.withUnsafeBytes {
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<Int(part)]))
            }
            rest -= part
        }
    }
}
