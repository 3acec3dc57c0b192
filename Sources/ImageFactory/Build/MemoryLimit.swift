import GridModel
import Linux

/// How the memory of a recipe's scripts is bounded: by a cgroup where we may make one, else by a limit on what each process
/// maps and a watch over what all of them hold.
enum MemoryLimit {
    case cgroup(Cgroup)
    case watchdog

    var name: String {
        switch self {
        case .cgroup: "a cgroup"
        case .watchdog: "a limit on each process and a watch over all (no cgroup is writable here)"
        }
    }

    private static let prefix = "sojourn-build-"

    /// What killed builds left.
    static func sweep() throws { try Cgroup.removeAbandoned(prefix) }

    static func make(_ limit: ByteCount) throws -> MemoryLimit {
        var limits = Cgroup.Limits()
        limits.memory = limit.bytes
        let suffix = String(UInt32.random(in: .min ... .max), radix: 36)
        return try Cgroup.make("\(prefix)\(Host.processID)-\(suffix)", limits).map { .cgroup($0) } ?? .watchdog
    }

    /// True where the kernel ended a process of it.
    func wasReached() throws -> Bool {
        guard case .cgroup(let group) = self else { return false }
        return try group.ranOutOfMemory()
    }

    /// The scripts' processes have ended when it is removed.
    func remove() {
        guard case .cgroup(let group) = self else { return }
        do {
            try group.remove()
        } catch {
            // An empty cgroup that stays costs nothing.
        }
    }
}
