/// What a verity tree has for one block, as a key: where the salt is the same, equal digests are equal blocks.
package struct BlockDigest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// `leaf` has 32 bytes.
    init(_ leaf: ArraySlice<UInt8>) {
        precondition(leaf.count == VerityFormat.digestSize, "the digest of a block has 32 bytes")
        words = leaf.withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
    }

    package static func == (left: BlockDigest, right: BlockDigest) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        // Digests of sha256 are spread well by themselves.
        hasher.combine(words.0)
    }
}

extension VerityVerifier {
    /// As `leaf`, to look up.
    package func key(_ block: Int) -> BlockDigest { BlockDigest(leaf(block)) }
}
