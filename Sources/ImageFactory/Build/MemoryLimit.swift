import Glibc
import GridModel
import System

/// How the memory of a recipe's scripts is bounded: by a cgroup where we may make one, else by a limit on what each process
/// maps and a watch over what all of them hold.
enum MemoryLimit {
    case cgroup(Cgroup)
    case watchdog

    struct Cgroup {
        let directory: String

        /// Open for writing: who writes there moves in.
        func processes() throws -> Descriptor { try Descriptor.open("\(directory)/cgroup.procs", O_WRONLY) }
    }

    var name: String {
        switch self {
        case .cgroup: "a cgroup"
        case .watchdog: "a limit on each process and a watch over all (no cgroup is writable here)"
        }
    }

    static func make(_ limit: ByteCount) throws -> MemoryLimit {
        for (parent, file) in try candidates() {
            let directory =
                "\(parent)/sojourn-build-\(Host.processID)-\(String(UInt32.random(in: .min ... .max), radix: 36))"
            guard mkdir(directory, 0o755) == 0 else { continue }
            do {
                try Self.put("\(limit.bytes)", into: "\(directory)/\(file)")
                return .cgroup(Cgroup(directory: directory))
            } catch is SystemError {
                // The controller is not ours to use here.
                rmdir(directory)
            }
        }
        return .watchdog
    }

    /// True where the kernel ended a process of it.
    func wasReached() throws -> Bool {
        guard case .cgroup(let group) = self else { return false }
        for file in ["memory.events", "memory.oom_control"] where Files.exists("\(group.directory)/\(file)") {
            let text = String(decoding: try Files.read("\(group.directory)/\(file)", limit: 4096), as: UTF8.self)
            return text.split(separator: "\n").contains { $0.hasPrefix("oom_kill ") && !$0.hasSuffix(" 0") }
        }
        return false
    }

    /// The scripts' processes have ended when it is removed.
    func remove() {
        if case .cgroup(let group) = self { rmdir(group.directory) }
    }

    /// The directories of our own cgroup, with the file that bounds memory: cgroups(7), version 1 and 2.
    private static func candidates() throws -> [(String, String)] {
        let text = String(decoding: try Files.read("/proc/self/cgroup", limit: 1 << 16), as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else { return nil }
            let path = parts[2] == "/" ? "" : parts[2]
            if parts[1].split(separator: ",").contains("memory") {
                return ("/sys/fs/cgroup/memory\(path)", "memory.limit_in_bytes")
            }
            return parts[0] == "0" ? ("/sys/fs/cgroup\(path)", "memory.max") : nil
        }
    }

    private static func put(_ text: String, into path: String) throws {
        try Descriptor.open(path, O_WRONLY).write(text.utf8)
    }
}
