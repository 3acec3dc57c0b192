import Glibc
package import GridModel
package import ImageFormat
import Linux
import Synchronization

/// A filesystem of an image of which perhaps only some blocks are here.
///
/// What is whole is a blob of the layout; what is not is a sparse file of the whole size, `HOME/images/partial/HEX`, that
/// all machines of the home fill together. There is no list of what has come: a block that is not what the verity tree says
/// has not come, or was damaged, and is fetched. So nothing is lost or wrong after any kill, torn write or bad disk.
package final class SparseBlob: Sendable {
    /// In bytes.
    package static let blockSize = VerityFormat.blockSize

    package let layer: ImageLayer
    package let verifier: VerityVerifier
    private let store: ImageStore
    private let current: Mutex<Opened>

    /// A file, and which of its blocks this process has verified: of another file nothing is known.
    private final class Opened: Sendable {
        let file: Descriptor
        let isWhole: Bool
        let verified: Mutex<BlockSet>

        init(_ file: Descriptor, isWhole: Bool, _ verified: BlockSet) {
            self.file = file
            self.isWhole = isWhole
            self.verified = Mutex(verified)
        }
    }

    /// What a look at blocks found.
    package enum State: Sendable { case sound, absent, damaged }

    /// Opens the blob, or what is here of it, making an empty one where nothing is. The tree must be here.
    package init(_ layer: ImageLayer, in store: ImageStore) throws {
        self.layer = layer
        self.store = store
        verifier = try VerityVerifier(tree: try store.readVerified(layer.tree, of: layer.name), root: layer.verity)
        let (file, isWhole) = try Self.open(layer, in: store)
        current = Mutex(Opened(file, isWhole: isWhole, BlockSet(count: verifier.dataBlocks)))
    }

    private var opened: Opened { current.withLock { $0 } }

    package var blockCount: Int { verifier.dataBlocks }
    package var size: Int64 { layer.verity.dataSize }
    package var digest: Digest { layer.filesystem.digest }
    /// True where it is a blob of the layout.
    package var isWhole: Bool { opened.isWhole }

    private static func open(_ layer: ImageLayer, in store: ImageStore) throws -> (Descriptor, isWhole: Bool) {
        let digest = layer.filesystem.digest
        let whole = store.path(of: digest)
        do {
            let file = try Descriptor.openRegular(whole, O_NOFOLLOW)
            if try file.size() == layer.verity.dataSize { return (file, true) }
            // Cut or grown: every block of it is still looked at.
            try demote(digest, in: store)
        } catch let error as SystemError where error.isMissing {}
        try Files.makeDirectories(store.partials, mode: 0o700)
        let file = try Descriptor.open(store.partial(of: digest), O_RDWR | O_CREAT | O_NOFOLLOW)
        if try file.size() != layer.verity.dataSize {
            try retrying("set the size of \(store.partial(of: digest))") {
                ftruncate(file.raw, off_t(layer.verity.dataSize))
            }
        }
        return (file, false)
    }

    /// A damaged blob is one of which some blocks are here.
    private static func demote(_ digest: Digest, in store: ImageStore) throws {
        try store.withLock {
            try Files.makeDirectories(store.partials, mode: 0o700)
            guard Files.exists(store.path(of: digest)) else { return }
            try retrying("make \(store.path(of: digest)) writable") { chmod(store.path(of: digest), 0o600) }
            try Files.rename(store.path(of: digest), to: store.partial(of: digest))
            try Files.synchroniseDirectory(store.blobs)
        }
    }

    // MARK: Reading

    /// Reads whole blocks into `buffer`, each verified when this process first reads it. False, and nothing to be used of the
    /// buffer, where one of them is not here.
    package func read(_ blocks: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws -> Bool {
        let opened = opened
        guard try fill(buffer, from: blocks, of: opened) else { return false }
        let unknown = opened.verified.withLock { set in blocks.contains { !set.contains($0) } }
        if !unknown { return true }
        for block in blocks where state(of: block, in: buffer, from: blocks.lowerBound, opened) != .sound {
            return false
        }
        return true
    }

    /// False where the disk does not give them.
    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from blocks: Range<Int>, of opened: Opened
    ) throws -> Bool {
        let size = blocks.count * Self.blockSize
        var done = 0
        while done < size {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<size])
            let got: Int
            do {
                got = try opened.file.read(into: rest, at: Int64(blocks.lowerBound * Self.blockSize + done))
            } catch let error
                as SystemError where error.code == EIO
            { return false }
            if got == 0 { return false }
            done += got
        }
        return true
    }

    private func state(
        of block: Int, in buffer: UnsafeMutableRawBufferPointer, from first: Int, _ opened: Opened
    ) -> State {
        if opened.verified.withLock({ $0.contains(block) }) { return .sound }
        let start = (block - first) * Self.blockSize
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<start + Self.blockSize])
        if verifier.verify(block: block, bytes) {
            opened.verified.withLock { $0.insert(block) }
            return .sound
        }
        return bytes.allSatisfy { $0 == 0 } ? .absent : .damaged
    }

    /// Looks at blocks, which takes reading them.
    package func states(of blocks: Range<Int>) throws -> [State] {
        let most = 256
        let opened = opened
        var states: [State] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: most * Self.blockSize, alignment: 4096)
        defer { buffer.deallocate() }
        var position = blocks.lowerBound
        while position < blocks.upperBound {
            let piece = position..<min(position + most, blocks.upperBound)
            if try fill(buffer, from: piece, of: opened) {
                states += piece.map { state(of: $0, in: buffer, from: piece.lowerBound, opened) }
            } else {
                for block in piece {
                    let isRead = try fill(buffer, from: block..<block + 1, of: opened)
                    states.append(isRead ? state(of: block, in: buffer, from: block, opened) : .damaged)
                }
            }
            position = piece.upperBound
        }
        return states
    }

    /// The blocks of `blocks` that are not here, as runs in their order. Holes are passed without reading.
    package func missing(in blocks: Range<Int>) throws -> [Range<Int>] {
        var missing: [Range<Int>] = []
        func add(_ run: Range<Int>) {
            if let last = missing.last, last.upperBound == run.lowerBound {
                missing[missing.count - 1] = last.lowerBound..<run.upperBound
            } else {
                missing.append(run)
            }
        }
        var position = blocks.lowerBound
        while position < blocks.upperBound {
            let data = try dataBlocks(from: position, before: blocks.upperBound)
            for block in position..<data.lowerBound where !verifier.isZero(block) { add(block..<block + 1) }
            for (block, state) in zip(data, try states(of: data)) where state != .sound { add(block..<block + 1) }
            position = data.upperBound
        }
        return missing
    }

    /// Blocks that are stored, and are not what they should be.
    package func damaged() throws -> [Int] {
        var damaged: [Int] = []
        var position = 0
        while position < blockCount {
            let data = try dataBlocks(from: position, before: blockCount)
            damaged += zip(data, try states(of: data)).filter { $0.1 == .damaged }.map(\.0)
            position = max(data.upperBound, position + 1)
        }
        return damaged
    }

    /// The blocks that the next stored bytes lie in.
    private func dataBlocks(from first: Int, before end: Int) throws -> Range<Int> {
        let size = Self.blockSize
        guard let data = try opened.file.dataRange(from: Int64(first * size)) else { return end..<end }
        let start = max(first, min(end, Int(data.lowerBound) / size))
        return start..<max(start, min(end, (Int(data.upperBound) + size - 1) / size))
    }

    // MARK: Storing

    /// Stores a block; false, and nothing is stored, where it is not what the tree says.
    package func store(_ bytes: UnsafeRawBufferPointer, at block: Int) throws -> Bool {
        guard verifier.verify(block: block, bytes) else { return false }
        let opened = try writable()
        var done = 0
        while done < bytes.count {
            done += try retrying("store block \(block) of \(digest)") {
                pwrite(
                    opened.file.raw, bytes.baseAddress?.advanced(by: done), bytes.count - done,
                    off_t(block * Self.blockSize + done))
            }
        }
        opened.verified.withLock { $0.insert(block) }
        return true
    }

    /// A damaged blob leaves the layout when its first good block comes.
    private func writable() throws -> Opened {
        try current.withLock { opened in
            guard opened.isWhole else { return opened }
            try Self.demote(digest, in: store)
            let file = try Descriptor.open(store.partial(of: digest), O_RDWR | O_NOFOLLOW)
            // What is there by that name now may be another file, which another process began.
            let isSame = try FileIdentity(file) == FileIdentity(opened.file)
            opened = Opened(
                file, isWhole: false, isSame ? opened.verified.withLock { $0 } : BlockSet(count: blockCount))
            return opened
        }
    }

    /// Runs `body` while no other process fetches these blocks. While one does, `waiting` is asked whether to go on
    /// waiting; false lets `body` run all the same, which costs bytes and nothing else.
    package func withClaim<Result>(
        on blocks: Range<Int>, waiting: () throws -> Bool = { true }, _ body: () throws -> Result
    ) throws -> Result {
        let opened = opened
        if opened.isWhole { return try body() }
        let own: Descriptor
        do {
            // A description of its own: locks of one are not seen by those who share it.
            own = try Descriptor.open("/proc/self/fd/\(opened.file.raw)", O_RDWR)
        } catch let error as SystemError where error.code == EACCES {
            // Another process has made it a blob of the layout: what is still wrong with it concerns few.
            return try body()
        }
        let range = Int64(blocks.lowerBound * Self.blockSize)..<Int64(blocks.upperBound * Self.blockSize)
        while try !own.tryLock(range) {
            if try !waiting() { break }
        }
        return try withExtendedLifetime(own) { try body() }
    }

    /// Makes it a blob of the layout where every block is here; false where some are not.
    package func finish() throws -> Bool {
        if isWhole { return true }
        guard try missing(in: 0..<blockCount).isEmpty else { return false }
        let opened = opened
        let found = try BlobHash.digest(of: opened.file, named: store.partial(of: digest))
        guard found == digest else {
            throw ImageStoreError(
                .corruptedBlob,
                "every block of \(layer.name) is what its verity tree says, and yet its content is \(found) where the manifest "
                    + "has \(digest): whoever made the image made it wrong")
        }
        try opened.file.synchronise()
        return try store.withLock {
            let (partial, whole) = (store.partial(of: digest), store.path(of: digest))
            if Files.exists(partial) {
                // What has that name may be another file by now, of which not all is here.
                let named = try Descriptor.openRegular(partial, O_NOFOLLOW)
                guard try FileIdentity(named) == FileIdentity(opened.file) else { return Files.exists(whole) }
                try Files.rename(partial, to: whole)
                // After the renaming: what was killed in between could not be opened for writing any more.
                try retrying("make \(whole) read-only") { fchmod(opened.file.raw, 0o444) }
            }
            guard Files.exists(whole) else { return false }
            current.withLock { $0 = Opened(opened.file, isWhole: true, opened.verified.withLock { $0 }) }
            return true
        }
    }
}

/// Which file a descriptor is of.
private struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64

    init(_ file: Descriptor) throws {
        var status = stat()
        try retrying("look at an open file") { fstat(file.raw, &status) }
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}

extension ImageStore {
    /// Filesystems that have not arrived as a whole.
    package var partials: String { "\(home.images)/partial" }

    package func partial(of digest: Digest) -> String { "\(partials)/\(digest.hex)" }
}

/// A set of block numbers below a bound.
struct BlockSet: Sendable {
    private var words: [UInt64]

    init(count: Int) { words = [UInt64](repeating: 0, count: (count + 63) / 64) }

    func contains(_ block: Int) -> Bool { words[block >> 6] & 1 << UInt64(block & 63) != 0 }

    mutating func insert(_ block: Int) { words[block >> 6] |= 1 << UInt64(block & 63) }
}
