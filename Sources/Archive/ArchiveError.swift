/// An archive that cannot be read, written, packed or extracted: what was attempted, on what, and which rule or call
/// stood against it.
package struct ArchiveError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The archive ends too early.
        case truncated
        /// Bytes that the format does not allow, or of a variant that is not supported.
        case malformed
        case checksum
        /// A bound given by the caller or by this module.
        case limitExceeded
        /// An entry that is sound as such, but breaks a rule of what may be in such an archive.
        case refused
        /// Contents that are longer or shorter than announced.
        case wrongSize
        /// The kernel refused a call; `errno` says why.
        case fileSystem
    }

    package let code: Code
    package let message: String
    /// The kernel's reason where the code is `fileSystem`, otherwise 0.
    package let errno: Int32

    package init(_ code: Code, _ message: String, errno: Int32 = 0) {
        self.code = code
        self.message = message
        self.errno = errno
    }

    package var description: String { message }

    package static func == (left: ArchiveError, right: ArchiveError) -> Bool { left.code == right.code }
}

extension ArchiveError {
    /// The disk that was written to is full.
    package var isNoSpace: Bool { code == .fileSystem && [28, 122].contains(errno) }  // ENOSPC, EDQUOT
}
