import Crypto
package import GridModel

/// A regular file of a snapshot.
package struct SnapshotFile: Hashable, Sendable {
    /// Relative to the snapshot's root, without a leading slash.
    package let path: String
    /// 40 hexadecimal digits. SPDX 2.3 asks for it of every file (8.4); nothing here relies on it.
    let sha1: String
    package let digest: GridModel.Digest

    /// `sha1` is the 20 bytes that the hash function returns.
    package init(path: String, sha1: some Sequence<UInt8>, digest: GridModel.Digest) {
        let digits = Array("0123456789abcdef".utf8)
        let hex = sha1.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        precondition(hex.count == 40, "a SHA-1 digest has 20 bytes")
        self.path = path
        self.sha1 = String(decoding: hex, as: UTF8.self)
        self.digest = digest
    }
}

/// Reads a file's content piece by piece for its two digests.
package struct SnapshotFileHash {
    private var sha1 = Insecure.SHA1()
    private var sha256 = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        sha1.update(bufferPointer: bytes)
        sha256.update(bufferPointer: bytes)
    }

    package func file(at path: String) -> SnapshotFile {
        SnapshotFile(path: path, sha1: sha1.finalize(), digest: GridModel.Digest(bytes: sha256.finalize()))
    }
}
