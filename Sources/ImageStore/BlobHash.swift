import Crypto
import Glibc
package import GridModel
import Linux

/// The sha256 of blobs.
package enum BlobHash {
    package static func digest(of bytes: [UInt8]) -> GridModel.Digest { Digest(bytes: SHA256.hash(data: bytes)) }

    package static func digest(ofFile path: String) throws -> GridModel.Digest {
        try digest(of: try Descriptor.openRegular(path), named: path)
    }

    /// Hashes a whole file through its descriptor, whose position stays where it was.
    static func digest(of file: Descriptor, named name: String) throws -> GridModel.Digest {
        let capacity = 1 << 20
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 4096)
        defer { buffer.deallocate() }
        var hash = SHA256()
        var offset = 0
        while true {
            let got = try retrying("read \(name)") { pread(file.raw, buffer.baseAddress, capacity, offset) }
            if got == 0 { return Digest(bytes: hash.finalize()) }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            offset += got
        }
    }
}
