import Crypto
import Dispatch
import Glibc
import GridModel
import Synchronization

/// Makes dm-verity hash trees: byte for byte what `veritysetup format` writes.
package enum VerityTree {
    /// Reads `size` bytes of `data` from its beginning, writes the tree to `output`, an empty file, and returns the root.
    ///
    /// Uses `cores` threads; memory stays at half a megabyte for each and 32 bytes for every 512 KiB of data.
    package static func write(
        of data: Int32, size: Int64, to output: Int32, format: VerityFormat, cores: Int
    ) throws -> VerityRoot {
        let geometry = VerityGeometry(dataBlocks: try VerityGeometry.dataBlocks(size: size))
        try writeAll(format.superblock(dataBlocks: geometry.dataBlocks)[...], to: output, block: 0)
        let hasher = BlockHasher(salt: format.salt)
        var digests: [UInt8]
        if geometry.levels.isEmpty {
            digests = hasher.digests(of: try read(data, block: 0, count: 1))
        } else {
            digests = try hashLeaves(data, to: output, geometry: geometry, hasher: hasher, cores: cores)
            for level in geometry.levels.dropFirst() {
                digests += [UInt8](repeating: 0, count: level.count * VerityFormat.blockSize - digests.count)
                try writeAll(digests[...], to: output, block: level.first)
                digests = hasher.digests(of: digests)
            }
        }
        return VerityRoot(rootHash: Digest(bytes: digests), salt: format.salt, dataSize: size)
    }

    /// Writes level 0 and returns the digests of its blocks.
    private static func hashLeaves(
        _ data: Int32, to output: Int32, geometry: VerityGeometry, hasher: BlockHasher, cores: Int
    ) throws -> [UInt8] {
        let leaves = geometry.levels[0]
        let workers = max(1, min(cores, leaves.count))
        let results = Mutex<[Int: Result<[UInt8], any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            let range = leaves.count * worker / workers..<leaves.count * (worker + 1) / workers
            let result = Result { try hashRange(range, of: data, to: output, geometry: geometry, hasher: hasher) }
            results.withLock { $0[worker] = result }
        }
        return try results.withLock { results in try (0..<workers).flatMap { try results[$0]?.get() ?? [] } }
    }

    private static func hashRange(
        _ range: Range<Int>, of data: Int32, to output: Int32, geometry: VerityGeometry, hasher: BlockHasher
    ) throws -> [UInt8] {
        var digests: [UInt8] = []
        digests.reserveCapacity(range.count * VerityFormat.digestSize)
        for leaf in range {
            let first = leaf * VerityFormat.fanOut
            let count = min(VerityFormat.fanOut, geometry.dataBlocks - first)
            var block = hasher.digests(of: try read(data, block: first, count: count))
            block += [UInt8](repeating: 0, count: VerityFormat.blockSize - block.count)
            try writeAll(block[...], to: output, block: geometry.levels[0].first + leaf)
            digests += hasher.digests(of: block)
        }
        return digests
    }

    private static func read(_ file: Int32, block: Int, count: Int) throws -> [UInt8] {
        let size = count * VerityFormat.blockSize
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let offset = block * VerityFormat.blockSize + filled
                let got = pread(file, buffer.baseAddress?.advanced(by: filled), size - filled, offset)
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else {
                    let reason = got == 0 ? "the file is shorter than it was" : String(cString: strerror(errno))
                    throw ImageFormatError(.unsuitableData, "cannot read block \(block) for its verity tree: \(reason)")
                }
                filled += got
            }
        }
    }

    private static func writeAll(_ bytes: ArraySlice<UInt8>, to file: Int32, block: Int) throws {
        var rest = bytes
        var offset = block * VerityFormat.blockSize
        while !rest.isEmpty {
            let went = rest.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, offset) }
            if went < 0 && errno == EINTR { continue }
            guard went > 0 else {
                throw ImageFormatError(
                    .unsuitableData, "cannot write the verity tree: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(went)
            offset += went
        }
    }
}

/// The salted sha256 of blocks.
struct BlockHasher: Sendable {
    let salt: [UInt8]

    /// The digests of whole blocks, side by side.
    func digests(of blocks: [UInt8]) -> [UInt8] {
        blocks.withUnsafeBytes { buffer in
            var digests: [UInt8] = []
            digests.reserveCapacity(VerityFormat.blockSize)
            for start in stride(from: 0, to: buffer.count, by: VerityFormat.blockSize) {
                let block = UnsafeRawBufferPointer(rebasing: buffer[start..<start + VerityFormat.blockSize])
                digest(of: block).withUnsafeBytes { digests.append(contentsOf: $0) }
            }
            return digests
        }
    }

    /// The digest of one block.
    func digest(of block: UnsafeRawBufferPointer) -> SHA256.Digest {
        var hash = SHA256()
        if !salt.isEmpty { salt.withUnsafeBytes { hash.update(bufferPointer: $0) } }
        hash.update(bufferPointer: block)
        return hash.finalize()
    }
}
