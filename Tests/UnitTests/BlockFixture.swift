import Foundation
import Synchronization
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

/// A place of the tests' own: gives blocks of a blob, wrongly or not at all as it is told.
final class PlaceFixture: RangeSource {
    enum Deed: Sendable { case honest, lies, fails, isEmpty, sendsLess, sendsMore }

    let description: String
    let content: [UInt8]
    private let state: Mutex<(deed: Deed, asked: [Range<Int64>])>

    init(_ name: String, _ content: [UInt8], _ deed: Deed = .honest) {
        description = name
        self.content = content
        state = Mutex((deed, []))
    }

    struct Refusal: Error {}

    var asked: [Range<Int64>] { state.withLock { $0.asked } }

    func become(_ deed: Deed) { state.withLock { $0.deed = deed } }

    func read(_ blob: OCIDescriptor, _ range: Range<Int64>, sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let deed = state.withLock { state in
            state.asked.append(range)
            return state.deed
        }
        var bytes = Array(content[Int(range.lowerBound)..<Int(range.upperBound)])
        switch deed {
        case .honest: break
        case .lies: bytes[bytes.count / 2] ^= 1
        case .fails: throw Refusal()
        case .isEmpty: bytes = []
        case .sendsLess: bytes.removeLast(100)
        case .sendsMore: bytes += [UInt8](repeating: 0, count: 5000)
        }
        // In pieces that are no blocks.
        for start in stride(from: 0, to: bytes.count, by: 5000) {
            try Array(bytes[start..<min(start + 5000, bytes.count)]).withUnsafeBytes { try sink($0) }
        }
    }
}

/// A home that has an image but none of its filesystem.
struct BlockFixture {
    let store: ImageStore
    let image: StoredImage
    /// Of its one filesystem.
    let content: [UInt8]

    var layer: ImageLayer { image.layers[0] }
    var path: String { store.path(of: layer.filesystem.digest) }
    var partial: String { store.partial(of: layer.filesystem.digest) }

    static func with(blocks: Int, zeros: Range<Int> = 0..<0, _ body: (BlockFixture) throws -> Void) throws {
        try ImageFixture.withStore { store in
            let kernel = try ImageFixture.addKernel(store)
            var made = HandmadeImage(try Environment(parsing: "lhc/test:1@debian12"), kernel: kernel)
            made.data = ImageFixture.bytes(blocks * VerityFormat.blockSize, seed: 7)
            for index in zeros.lowerBound * 4096..<zeros.upperBound * 4096 { made.data[index] = 0 }
            let digest = try made.add(to: store, at: Timestamp(seconds: 1))
            let image = try store.image(reference: digest.description)
            let fixture = BlockFixture(store: store, image: image, content: made.data)
            try Files.remove(fixture.path)
            try body(fixture)
        }
    }

    func blob() throws -> SparseBlob { try SparseBlob(layer, in: store) }

    func bytes(_ blob: SparseBlob, _ blocks: Range<Int>) throws -> [UInt8]? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: blocks.count * 4096, alignment: 4096)
        defer { buffer.deallocate() }
        return try blob.read(blocks, into: buffer) ? Array(buffer) : nil
    }

    func content(_ blocks: Range<Int>) -> [UInt8] {
        Array(content[blocks.lowerBound * 4096..<blocks.upperBound * 4096])
    }

    /// Turns a bit of a stored block.
    func damage(_ path: String, block: Int) throws {
        chmod(path, 0o600)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(block * 4096 + 17))
        try file.write(contentsOf: [content[block * 4096 + 17] ^ 1])
        try file.close()
    }
}
