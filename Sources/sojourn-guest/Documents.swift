import Glibc
import GuestProtocol
import Linux

/// The files below `/run/sojourn`, which tell the payload of its machine.
///
/// They belong to the user who serves them, so that not even a payload that is number 0, without capabilities, can change
/// one or put a link in its way.
struct Documents {
    let owner: UInt32

    /// `payload` is the user who must not be the owner.
    init(payload: UInt32) { owner = payload == Self.preferredOwner ? Self.preferredOwner - 1 : Self.preferredOwner }

    private static let preferredOwner: UInt32 = 65533

    /// `start` is the payload's, in seconds since 1970.
    func put(_ documents: [GuestDocument], start: UInt64) throws {
        try makeDirectory(GuestLink.documents)
        for document in documents { try put(document, start: start) }
    }

    /// Replaced as a whole: a reader sees the old text or the new one. Nothing here outlives the machine: no fsync.
    func put(_ document: GuestDocument, start: UInt64) throws {
        let path = "\(GuestLink.documents)/\(document.name)"
        let directory = Files.parent(of: path)
        if !Files.isDirectory(directory) { try makeDirectory(directory) }
        let temporary = "\(directory)/.new"
        let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o444)
        try file.write(document.text(start: start).utf8)
        try Boot.setOwner(file, uid: owner, gid: owner)
        try retrying("replace \(path)") { rename(temporary, path) }
    }

    private func makeDirectory(_ path: String) throws {
        try Files.makeDirectories(path)
        try Boot.setOwner(path, uid: owner, gid: owner)
    }
}
