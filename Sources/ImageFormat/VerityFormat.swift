/// The layout that `veritysetup format` writes into a hash file of its own: hash type 1, sha256, 4096-byte blocks
/// (Linux Documentation/admin-guide/device-mapper/verity.rst; cryptsetup lib/verity/verity.c).
package struct VerityFormat: Sendable {
    package static let blockSize = 4096
    package static let digestSize = 32
    /// Digests in a hash block.
    package static let fanOut = blockSize / digestSize

    /// Empty in our images: a block's hash is then its plain sha256, the same in every image that holds the block.
    package let salt: [UInt8]
    package let uuid: StableUUID

    package init(salt: [UInt8] = [], uuid: StableUUID) {
        precondition(salt.count <= 256, "the superblock has room for 256 bytes of salt")
        self.salt = salt
        self.uuid = uuid
    }

    /// The first block of a hash file.
    func superblock(dataBlocks: Int) -> [UInt8] {
        var bytes = Array("verity\0\0".utf8)
        func append(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
        append(UInt32(1))  // version of the superblock
        append(UInt32(1))  // hash type: salt before data, digests side by side
        bytes += uuid.bytes
        bytes += Array("sha256".utf8) + [UInt8](repeating: 0, count: 26)
        append(UInt32(Self.blockSize))
        append(UInt32(Self.blockSize))
        append(UInt64(dataBlocks))
        append(UInt16(salt.count))
        bytes += [UInt8](repeating: 0, count: 6) + salt
        return bytes + [UInt8](repeating: 0, count: Self.blockSize - bytes.count)
    }
}

/// Where the levels of a tree lie in its file, counted in blocks. Level 0 holds the digests of data blocks; the highest
/// level has one block, which the root hash covers, and comes first.
struct VerityGeometry {
    let dataBlocks: Int
    /// First block and number of blocks of each level; empty for a single data block.
    let levels: [(first: Int, count: Int)]
    let fileBlocks: Int

    init(dataBlocks: Int) {
        self.dataBlocks = dataBlocks
        var counts: [Int] = []
        var below = dataBlocks
        while below > 1 {
            below = (below + VerityFormat.fanOut - 1) / VerityFormat.fanOut
            counts.append(below)
        }
        var position = 1
        var levels: [(first: Int, count: Int)] = []
        for count in counts.reversed() {
            levels.append((position, count))
            position += count
        }
        self.levels = levels.reversed()
        fileBlocks = position
    }

    /// The blocks in a file of `size` bytes. A rest after the last block would go unverified, so there must be none.
    static func dataBlocks(size: Int64) throws -> Int {
        guard size > 0, size % Int64(VerityFormat.blockSize) == 0 else {
            throw ImageFormatError(
                .unsuitableData,
                "cannot make a verity tree over \(size) bytes: the size must be a multiple of \(VerityFormat.blockSize), and not 0"
            )
        }
        return Int(size) / VerityFormat.blockSize
    }
}
