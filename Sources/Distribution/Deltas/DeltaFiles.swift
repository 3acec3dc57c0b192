import Glibc
import ImageFormat
import ImageStore
import Linux

/// What making a delta and applying one have in common: blocks of filesystems as files for the tool.
struct DeltaFiles {
    /// A directory of our own, which is removed with all that is in it.
    let directory: String

    var reference: String { "\(directory)/reference" }
    var content: String { "\(directory)/content" }
    var frame: String { "\(directory)/frame" }

    /// Gives `body` an empty directory below `parent`, and removes it.
    static func with<Result>(in parent: String, _ body: (DeltaFiles) throws -> Result) throws -> Result {
        let files = DeltaFiles(directory: "\(parent)/delta-\(UInt64.random(in: 0 ... .max))")
        try Files.makeDirectories(files.directory, mode: 0o700)
        let result = Swift.Result { try body(files) }
        try Files.removeTree(files.directory)
        return try result.get()
    }

    /// Writes blocks of a filesystem one after the other; false where one of them is not here.
    func write(_ blocks: [Int], of blob: some BlockReader, to path: String) throws -> Bool {
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 256 * SparseBlob.blockSize, alignment: SparseBlob.blockSize)
        defer { buffer.deallocate() }
        for run in BlockRuns.runs(of: blocks, most: 256) {
            guard try blob.read(run, into: buffer) else { return false }
            try file.write(buffer[..<(run.count * SparseBlob.blockSize)])
        }
        return true
    }
}

/// Neighbours among block numbers.
enum BlockRuns {
    /// `blocks`, in their order, as runs of at most `most`.
    static func runs(of blocks: [Int], most: Int = .max) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for block in blocks {
            if let last = runs.last, last.upperBound == block, last.count < most {
                runs[runs.count - 1] = last.lowerBound..<block + 1
            } else {
                runs.append(block..<block + 1)
            }
        }
        return runs
    }
}
