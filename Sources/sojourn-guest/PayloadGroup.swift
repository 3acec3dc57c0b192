import GuestProtocol
import Linux

/// The cgroup that holds the payload and everything it starts, delegated to its user so that it can nest.
struct PayloadGroup {
    private let path = "/sys/fs/cgroup/payload"

    /// Left to the kernel and the agent. Where the payload could take all that there is, the kernel as a whole would run
    /// out first, and such a machine was seen to stand still (Linux 6.1) instead of killing what is too large.
    private static let reservedBytes: UInt64 = 24 << 20

    /// What the kernel keeps free for itself at all times; it is no part of what it calls available.
    private static let freeBytes: UInt64 = 8 << 20

    /// Besides the memory that a payload may hold: its page tables, the kernel's other accounts of it, and the files that it
    /// runs from, without which it would get nowhere. So much, and 1/128. What the machine has for all of this is told by
    /// `MachineMemory`.
    private static let allowanceBytes: UInt64 = 16 << 20

    init() throws {
        let controllers = try Self.text("/sys/fs/cgroup/cgroup.controllers").split(whereSeparator: \.isWhitespace)
        for controller in ["memory", "pids", "cpu", "io"] where controllers.contains(Substring(controller)) {
            try Self.write("+\(controller)", to: "/sys/fs/cgroup/cgroup.subtree_control")
        }
        try Files.makeDirectories(path)
        // For huge pages the kernel would keep a twentieth of the machine free (Linux 6.1).
        try Self.write("\(Self.freeBytes >> 10)", to: "/proc/sys/vm/min_free_kbytes")
        let available = try Self.availableMemory()
        try Self.write("\(available - min(Self.reservedBytes, available / 4))", to: "\(path)/memory.max")
    }

    /// `memory` is what the payload may hold of anonymous and shared memory; 0: as much as the machine has. Returns what is
    /// missing in this machine for that, 0 where nothing is.
    func limit(memory: UInt64, swap: UInt64) throws -> UInt64 {
        if Files.exists("\(path)/memory.swap.max") { try Self.write("\(swap)", to: "\(path)/memory.swap.max") }
        guard memory > 0 else { return 0 }
        let wanted = memory + memory / 128 + Self.allowanceBytes
        let possible = UInt64(try Self.text("\(path)/memory.max").filter(\.isNumber)) ?? .max
        try Self.write("\(min(wanted, possible))", to: "\(path)/memory.max")
        return wanted - min(wanted, possible)
    }

    func delegate(uid: UInt32, gid: UInt32) throws {
        for name in ["", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"] {
            try Boot.setOwner(path + name, uid: uid, gid: gid)
        }
    }

    func openMembers() throws -> Descriptor { try Descriptor.open("\(path)/cgroup.procs", 1) }

    /// In bytes, but for the refaults: pages since the start.
    func memory() throws -> (own: UInt64, limit: UInt64, refaults: UInt64) {
        let stat = try values("memory.stat")
        let limit = UInt64(try Self.text("\(path)/memory.max").filter(\.isNumber)) ?? .max
        let own = ["anon", "shmem", "kernel"].reduce(0) { $0 + (stat[$1] ?? 0) }
        return (own, limit, stat["workingset_refault_file"] ?? 0)
    }

    /// Anonymous and shared memory, and what is swapped out.
    func holding() throws -> (memory: UInt64, swap: UInt64) {
        let stat = try values("memory.stat")
        let swap = "\(path)/memory.swap.current"
        return (
            (stat["anon"] ?? 0) + (stat["shmem"] ?? 0),
            Files.exists(swap) ? UInt64(try Self.text(swap).filter(\.isNumber)) ?? 0 : 0
        )
    }

    /// Adds what the group used to `end`.
    func measure(into end: inout GuestMessage.PayloadEnd) throws {
        let processor = try values("cpu.stat")
        end.userMicroseconds = processor["user_usec"] ?? 0
        end.systemMicroseconds = processor["system_usec"] ?? 0
        end.outOfMemoryKills = UInt32(clamping: try values("memory.events")["oom_kill"] ?? 0)
        (end.readBytes, end.writtenBytes) = try transferred()
    }

    /// From and to all disks, in bytes: a line for each, `254:0 rbytes=1 wbytes=2 …`.
    private func transferred() throws -> (read: UInt64, written: UInt64) {
        guard Files.exists("\(path)/io.stat") else { return (0, 0) }
        let words = try Self.text("\(path)/io.stat").split(whereSeparator: \.isWhitespace)
        func sum(_ name: String) -> UInt64 {
            words.reduce(0) { $0 + ($1.hasPrefix(name) ? UInt64($1.dropFirst(name.count)) ?? 0 : 0) }
        }
        return (sum("rbytes="), sum("wbytes="))
    }

    private func values(_ file: String) throws -> [Substring: UInt64] {
        let pairs = try Self.text("\(path)/\(file)").split(separator: "\n").map { $0.split(separator: " ") }
        return Dictionary(pairs.compactMap { $0.count == 2 ? ($0[0], UInt64($0[1]) ?? 0) : nil }) { $1 }
    }

    private static func availableMemory() throws -> UInt64 {
        let line = try text("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemAvailable:") } ?? ""
        guard let kibibytes = UInt64(line.filter(\.isNumber)) else {
            throw SystemError(code: 0, message: "/proc/meminfo does not tell the machine's memory")
        }
        return kibibytes << 10
    }

    private static func text(_ path: String) throws -> String {
        String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
    }

    private static func write(_ text: String, to path: String) throws {
        try Descriptor.open(path, 1).write(text.utf8)
    }
}
