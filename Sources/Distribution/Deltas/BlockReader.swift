import Glibc
package import GridModel
package import ImageFormat
package import ImageStore
import Linux

/// A filesystem, or what is here of one, that a delta is made from: no block of it is believed unseen.
package protocol BlockReader {
    var verifier: VerityVerifier { get }
    var digest: Digest { get }

    /// Reads whole blocks, verified; false, and nothing to be used of `buffer`, where one of them is not here.
    func read(_ blocks: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws -> Bool
}

extension SparseBlob: BlockReader {}

/// A filesystem that is a file of its own, such as a catalogue's blob.
package struct BlockFile: BlockReader {
    package let verifier: VerityVerifier
    package let digest: Digest
    private let file: Descriptor

    /// `layout` is a directory of blobs, each named by the digits of its digest.
    package init(_ layer: ImageLayer, in layout: String) throws {
        let tree = try Files.read("\(layout)/\(layer.tree.digest.hex)", limit: 1 << 30)
        verifier = try VerityVerifier(tree: tree, root: layer.verity)
        digest = layer.filesystem.digest
        file = try Descriptor.openRegular("\(layout)/\(digest.hex)", O_NOFOLLOW)
    }

    package func read(_ blocks: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws -> Bool {
        let size = VerityFormat.blockSize
        var done = 0
        while done < blocks.count * size {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<blocks.count * size])
            let got = try file.read(into: rest, at: Int64(blocks.lowerBound * size + done))
            if got == 0 { return false }
            done += got
        }
        return blocks.allSatisfy { block in
            let start = (block - blocks.lowerBound) * size
            return verifier.verify(block: block, UnsafeRawBufferPointer(rebasing: buffer[start..<start + size]))
        }
    }
}
