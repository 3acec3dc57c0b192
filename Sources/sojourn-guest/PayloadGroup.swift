import GuestProtocol
import System

/// The cgroup that holds the payload and everything it starts, delegated to its user so that it can nest.
struct PayloadGroup {
    private let path = "/sys/fs/cgroup/payload"

    /// Left to the kernel and the agent. Where the payload could take all that there is, the kernel as a whole would run
    /// out first, and such a machine was seen to stand still (Linux 6.1) instead of killing what is too large.
    private static let reservedBytes: UInt64 = 24 << 20

    init() throws {
        let controllers = try Self.text("/sys/fs/cgroup/cgroup.controllers").split(whereSeparator: \.isWhitespace)
        for controller in ["memory", "pids", "cpu", "io"] where controllers.contains(Substring(controller)) {
            try Self.write("+\(controller)", to: "/sys/fs/cgroup/cgroup.subtree_control")
        }
        try Files.makeDirectories(path)
        let available = try Self.availableMemory()
        try Self.write("\(available - min(Self.reservedBytes, available / 4))", to: "\(path)/memory.max")
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

    /// Adds what the group used to `end`.
    func measure(into end: inout GuestMessage.PayloadEnd) throws {
        let processor = try values("cpu.stat")
        end.userMicroseconds = processor["user_usec"] ?? 0
        end.systemMicroseconds = processor["system_usec"] ?? 0
        end.outOfMemoryKills = UInt32(clamping: try values("memory.events")["oom_kill"] ?? 0)
        // memory.peak came with Linux 5.19.
        if Files.exists("\(path)/memory.peak") {
            end.peakMemoryBytes = UInt64(try Self.text("\(path)/memory.peak").filter(\.isNumber)) ?? 0
        }
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
