import Glibc
import GuestProtocol
import Linux

/// Turns the endorsed image into this job's machine: only adds, above the read-only layers.
enum Contextualisation {
    static func apply(_ context: GuestContext) throws {
        try Boot.setClock(nanoseconds: context.realtimeNanoseconds)
        try Boot.setHostname(context.hostname)
        try put("\(context.hostname)\n", into: "/etc/hostname")
        try put("127.0.0.1 localhost \(context.hostname)\n::1 localhost\n", into: "/etc/hosts")
        try addUser(context.user)
        // Before the shares: what is mounted in the home must not make it root's.
        try makeHome(context.user)
        for share in context.shares { try mount(share) }
        if context.user.uid == 0 { try protectKernelSettings() }
        if context.staging != nil {
            try Files.makeDirectories(context.directory)
            try Boot.setOwner(context.directory, uid: context.user.uid, gid: context.user.gid)
        }
    }

    private static func addUser(_ user: GuestContext.User) throws {
        let shell = Files.exists("/bin/bash") ? "/bin/bash" : "/bin/sh"
        try replaceEntry(
            in: "/etc/passwd", name: user.name, number: user.uid,
            with: "\(user.name):x:\(user.uid):\(user.gid):\(user.name):\(user.home):\(shell)")
        for group in user.groups {
            try replaceEntry(
                in: "/etc/group", name: group.name, number: group.gid, with: "\(group.name):x:\(group.gid):\(user.name)"
            )
        }
    }

    /// Puts one line into a passwd-like file, in place of any that has its name or its number (the third field).
    private static func replaceEntry(in path: String, name: String, number: UInt32, with entry: String) throws {
        let text = Files.exists(path) ? String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self) : ""
        let kept = text.split(separator: "\n").filter { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            return fields.first != Substring(name) && (fields.count < 3 || fields[2] != Substring("\(number)"))
        }
        try put((kept + [Substring(entry)]).joined(separator: "\n") + "\n", into: path)
    }

    /// Nothing here outlives the machine: no fsync.
    static func put(_ text: String, into path: String) throws {
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644).write(text.utf8)
    }

    private static func mount(_ share: GuestContext.Share) throws {
        var flags: Boot.MountFlags = [.noSetUserID, .noDevices]
        if share.readOnly { flags.insert(.readOnly) }
        guard share.file.isEmpty else { return try mountFile(share, flags) }
        try Files.makeDirectories(share.path)
        try Boot.mount(share.tag, at: share.path, type: "virtiofs", flags)
    }

    /// A single file is bound out of its directory, which is then taken away again.
    private static func mountFile(_ share: GuestContext.Share, _ flags: Boot.MountFlags) throws {
        let hidden = "/run/sojourn/shares/\(share.tag)"
        try Files.makeDirectories(hidden)
        try Boot.mount(share.tag, at: hidden, type: "virtiofs", flags)
        try Files.makeDirectories(Files.parent(of: share.path))
        if !Files.exists(share.path) { try put("", into: share.path) }
        try Boot.mount("\(hidden)/\(share.file)", at: share.path, .bind)
        if share.readOnly {
            try Boot.mount("", at: share.path, [.bind, .remount, .readOnly, .noSetUserID, .noDevices])
        }
        try Boot.detach(hidden)
    }

    /// The kernel's settings belong to number 0, with or without capabilities. Not for others: a covered /proc cannot be
    /// mounted anew in a nested container.
    private static func protectKernelSettings() throws {
        for path in ["/proc/sys", "/proc/sysrq-trigger"] where Files.exists(path) {
            try Boot.mount(path, at: path, .bind)
            try Boot.mount("", at: path, [.bind, .remount, .readOnly, .noSetUserID, .noDevices, .noExecute])
        }
    }

    private static func makeHome(_ user: GuestContext.User) throws {
        guard !Files.exists(user.home) else { return }
        try Files.makeDirectories(user.home)
        try Boot.setOwner(user.home, uid: user.uid, gid: user.gid)
    }
}
