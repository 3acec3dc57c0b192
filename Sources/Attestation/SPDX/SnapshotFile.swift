package import GridModel

/// A regular file of a snapshot.
package struct SnapshotFile: Hashable, Sendable {
    /// Relative to the snapshot's root, without a leading slash.
    package let path: String
    /// 40 hexadecimal digits. SPDX 2.3 asks for it of every file (8.4); nothing here relies on it.
    let sha1: String
    package let digest: Digest

    package init(path: String, sha1: String, digest: Digest) {
        precondition(sha1.utf8.count == 40, "a SHA-1 digest has 40 digits")
        self.path = path
        self.sha1 = sha1
        self.digest = digest
    }
}
