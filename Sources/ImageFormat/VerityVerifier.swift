import GridModel

/// Verifies single blocks of a filesystem against its tree, which is checked against the root first.
package struct VerityVerifier: Sendable {
    package let dataBlocks: Int
    private let hasher: BlockHasher
    /// The digests of the data blocks, side by side.
    private let leaves: [UInt8]
    /// The digest of a block of zeros.
    private let zero: [UInt8]

    /// `tree` is a whole hash file; `root` comes from a manifest that is trusted already.
    package init(tree: [UInt8], root: VerityRoot) throws {
        let geometry = VerityGeometry(dataBlocks: try VerityGeometry.dataBlocks(size: root.dataSize))
        guard tree.count == geometry.fileBlocks * VerityFormat.blockSize else {
            throw ImageFormatError(
                .wrongTree,
                "the verity tree has \(tree.count) bytes; one of \(geometry.dataBlocks) blocks has "
                    + "\(geometry.fileBlocks * VerityFormat.blockSize)")
        }
        let hasher = BlockHasher(salt: root.salt)
        var expected: [UInt8] = []
        for digit in stride(from: 0, to: 64, by: 2) {
            let start = root.rootHash.hex.index(root.rootHash.hex.startIndex, offsetBy: digit)
            expected.append(UInt8(root.rootHash.hex[start...].prefix(2), radix: 16) ?? 0)
        }
        for level in geometry.levels.reversed() {
            let range = level.first * VerityFormat.blockSize..<(level.first + level.count) * VerityFormat.blockSize
            let bytes = Array(tree[range])
            guard hasher.digests(of: bytes) == Array(expected.prefix(level.count * VerityFormat.digestSize)) else {
                throw ImageFormatError(.wrongTree, "the verity tree does not match its root hash \(root.rootHash.hex)")
            }
            expected = bytes
        }
        dataBlocks = geometry.dataBlocks
        self.hasher = hasher
        zero = hasher.digests(of: [UInt8](repeating: 0, count: VerityFormat.blockSize))
        leaves = Array(expected.prefix(dataBlocks * VerityFormat.digestSize))
    }

    /// True where `bytes`, one block, are those that block `index` had when the image was made.
    package func verify(block index: Int, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { verify(block: index, $0) }
    }

    /// As above, of memory that is only looked at.
    package func verify(block index: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard (0..<dataBlocks).contains(index), bytes.count == VerityFormat.blockSize else { return false }
        return leaf(index).elementsEqual(hasher.digest(of: bytes))
    }

    /// The digest that the tree has for a block: 32 bytes.
    package func leaf(_ index: Int) -> ArraySlice<UInt8> {
        let start = index * VerityFormat.digestSize
        return leaves[start..<start + VerityFormat.digestSize]
    }

    /// True where a block has nothing but zeros, which need not be brought from anywhere.
    package func isZero(_ index: Int) -> Bool { leaf(index).elementsEqual(zero) }
}
