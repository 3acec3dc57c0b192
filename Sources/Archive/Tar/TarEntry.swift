/// One entry of a tar archive: everything but the contents.
package struct TarEntry: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case file(size: Int64)
        case directory
        case symbolicLink(target: String)
        case hardLink(target: String)
        case characterDevice, blockDevice, fifo
    }

    /// Linux PATH_MAX; names and link targets beyond it are refused.
    static let pathLimit = 4096

    /// As in the archive, without the slash at a directory's end.
    package var path: String
    package var kind: Kind
    /// Permissions with setuid, setgid and sticky: 12 bits.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Seconds since 1970.
    package var mtime: Int64

    package init(
        path: String, kind: Kind, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, mtime: Int64 = 0
    ) {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.mtime = mtime
    }
}
