import Glibc

/// The cgroup that this process is in, in one hierarchy: below it we may make others, where the host lets us.
struct CgroupPlace: Equatable {
    var directory: String
    /// Version 1's; nil for version 2, whose directories name theirs.
    var controllers: Set<String>?
    /// Where its hierarchy begins for us.
    var mountPoint: String

    /// A leaf that our own processes move to, since version 2 has no controllers below a cgroup with processes.
    private static let leaf = "sojourn-supervisor"

    static func own() throws -> [CgroupPlace] {
        func text(_ path: String) throws -> String {
            String(decoding: try Files.read(path, limit: 4 << 20), as: UTF8.self)
        }
        return parse(cgroups: try text("/proc/self/cgroup"), mounts: try text("/proc/self/mountinfo"))
    }

    /// From `/proc/self/cgroup` (cgroups(7)) and `/proc/self/mountinfo` (proc(5)): in a container a mount may show a part
    /// of its hierarchy only.
    static func parse(cgroups: String, mounts: String) -> [CgroupPlace] {
        let mounts = mounts.split(separator: "\n").compactMap(Mount.init(line:))
        return cgroups.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else { return nil }
            let names = Set(parts[1].split(separator: ",").map(String.init))
            let isUnified = parts[0] == "0" && names.isEmpty
            let mount = mounts.first { isUnified ? $0.options == nil : $0.options?.isSuperset(of: names) == true }
            guard let mount, var directory = mount.directory(of: parts[2]) else { return nil }
            if directory != mount.point, Files.name(of: directory) == leaf { directory = Files.parent(of: directory) }
            return CgroupPlace(
                directory: directory, controllers: isUnified ? nil : names, mountPoint: mount.point)
        }
    }

    private struct Mount {
        let root: String
        let point: String
        /// Nil for version 2.
        let options: Set<String>?

        init?(line: Substring) {
            let halves = line.split(separator: " ", omittingEmptySubsequences: false)
            guard let dash = halves.firstIndex(of: "-"), dash >= 6, halves.count > dash + 3 else { return nil }
            (root, point) = (String(halves[3]), String(halves[4]))
            switch halves[dash + 1] {
            case "cgroup2": options = nil
            case "cgroup": options = Set(halves[dash + 3].split(separator: ",").map(String.init))
            default: return nil
            }
        }

        func directory(of path: String) -> String? {
            let base = root == "/" ? "" : root
            guard path == base || path.hasPrefix("\(base)/"), !path.contains("/..") else { return nil }
            let rest = path.dropFirst(base.count)
            return rest == "/" ? point : point + rest
        }
    }

    /// Those of `wanted` that a cgroup below this one would have.
    func available(_ wanted: Set<Cgroup.Controller>) throws -> Set<Cgroup.Controller> {
        guard access(directory, W_OK) == 0 else { return [] }
        if let controllers { return wanted.filter { controllers.contains($0.rawValue) } }
        let offered = try names("cgroup.controllers")
        // Memory first: with processes inside, the others could be enabled by themselves, and it then no more (cgroups(7),
        // "thread mode").
        let order = [Cgroup.Controller.memory, .cpuset, .cpu].filter(wanted.contains)
        return Set(try order.filter { try offered.contains($0.rawValue) && enable($0) })
    }

    private func names(_ file: String) throws -> Set<String> {
        let text = String(decoding: try Files.read("\(directory)/\(file)", limit: 1 << 16), as: UTF8.self)
        return Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    private func enable(_ controller: Cgroup.Controller) throws -> Bool {
        let file = "cgroup.subtree_control"
        if try names(file).contains(controller.rawValue) { return true }
        do {
            do {
                try Cgroup.put("+\(controller.rawValue)", into: "\(directory)/\(file)")
            } catch let error as SystemError where error.code == EBUSY {
                guard try enterLeaf() else { return false }
                try Cgroup.put("+\(controller.rawValue)", into: "\(directory)/\(file)")
            }
            return true
        } catch is SystemError {
            // Not ours to enable here.
            return false
        }
    }

    /// Moves the processes of this cgroup into a leaf where all are this program's; nobody else's is touched.
    private func enterLeaf() throws -> Bool {
        let own = try Host.ownExecutable()
        let members = try names("cgroup.procs")
        guard members.allSatisfy({ Files.canonical("/proc/\($0)/exe") == own }) else { return false }
        let path = "\(directory)/\(Self.leaf)"
        if mkdir(path, 0o755) < 0 && errno != EEXIST { throw SystemError.last("make cgroup \(path)") }
        for member in members { try Cgroup.put(member, into: "\(path)/cgroup.procs") }
        return true
    }
}

// MARK: What limits leave

extension Cgroup {
    /// What the limits of our own cgroup and of those above leave us; nil where none limits it.
    package struct Room: Equatable, Sendable {
        /// In bytes.
        package var memory: Int64?
        /// How many processors' time, rounded up.
        package var cores: Int?

        package init() {}
    }

    package static func room() throws -> Room { room(in: try CgroupPlace.own().flatMap(\.limits)) }

    static func room(in limits: [CgroupPlace.Limit]) -> Room {
        var room = Room()
        room.memory = limits.compactMap(\.memory).min()
        room.cores = limits.compactMap(\.cores).min()
        return room
    }
}

extension CgroupPlace {
    /// What one cgroup leaves.
    struct Limit: Equatable {
        var memory: Int64?
        var cores: Int?
    }

    var limits: [Limit] {
        ancestry.map { directory in
            limit { name in
                let path = "\(directory)/\(name)"
                // Roots have few of them, and any may be another's to read.
                guard Files.exists(path), let bytes = try? Files.read(path, limit: 1 << 16) else { return nil }
                return String(decoding: bytes, as: UTF8.self)
            }
        }
    }

    /// Its directory and those above, up to where the hierarchy begins.
    var ancestry: [String] {
        var directories = [directory]
        while let last = directories.last, last != mountPoint, last.hasPrefix(mountPoint) {
            directories.append(Files.parent(of: last))
        }
        return directories
    }

    /// `text` gives the content of a cgroup's file.
    func limit(_ text: (String) -> String?) -> Limit {
        func number(_ name: String) -> Int64? {
            text(name).flatMap { Int64($0.filter { !$0.isWhitespace }) }
        }
        var limit = Limit()
        let files =
            controllers == nil
            ? ("memory.max", "memory.current", "inactive_file")
            : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        // Version 1 writes "none" as the most whole pages that 63 bits count.
        if let most = number(files.0), most < 1 << 60, let used = number(files.1) {
            // Page cache of late is given back first.
            let cache = text("memory.stat").flatMap { Self.table($0)[files.2] } ?? 0
            limit.memory = max(0, most - max(0, used - max(0, cache)))
        }
        let quota: [Int64?]
        if controllers == nil {
            // "max" is no number.
            quota = (text("cpu.max") ?? "").split(whereSeparator: \.isWhitespace).map { Int64($0) }
        } else {
            quota = [number("cpu.cfs_quota_us"), number("cpu.cfs_period_us")]
        }
        if quota.count == 2, let time = quota[0], let period = quota[1], time > 0, period > 0 {
            limit.cores = Int(clamping: max(1, time / period + (time % period > 0 ? 1 : 0)))
        }
        return limit
    }

    /// A file of names with numbers.
    static func table(_ text: String) -> [String: Int64] {
        var values: [String: Int64] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2 { values[String(parts[0])] = Int64(parts[1]) }
        }
        return values
    }
}
