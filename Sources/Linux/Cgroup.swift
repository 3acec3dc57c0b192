import Glibc

/// Limits that the kernel holds for a set of processes, in a control group that we make below our own: so that a batch
/// system's limits stay above ours.
///
/// Version 1 has a directory in each hierarchy, version 2 one for all; some hosts have both (cgroups(7)).
package struct Cgroup: Sendable {
    package enum Controller: String, Sendable, CaseIterable { case cpu, memory, cpuset }

    package struct Limits: Sendable {
        /// How many processors' time its processes get together: 1.5 is one and a half.
        package var cores: Double?
        /// In bytes; page cache counts, and is given back before anything is refused.
        package var memory: Int64?
        /// The only processors that its processes run on.
        package var processors: [Int]?

        package init() {}

        var controllers: Set<Controller> {
            var controllers: Set<Controller> = []
            if cores != nil { controllers.insert(.cpu) }
            if memory != nil { controllers.insert(.memory) }
            if processors != nil { controllers.insert(.cpuset) }
            return controllers
        }
    }

    private let directories: [String]
    /// What it holds its processes to.
    package let held: Set<Controller>

    /// Makes a cgroup, or as much of it as this host allows; nil where that is nothing. `planned` hears of the directories
    /// before they are made.
    package static func make(
        _ name: String, _ limits: Limits, planned: ([String]) throws -> Void = { _ in }
    ) throws -> Cgroup? {
        let plan = try CgroupPlace.own().map { ($0, try $0.available(limits.controllers)) }.filter { !$0.1.isEmpty }
        if plan.isEmpty { return nil }
        try planned(plan.map { "\($0.0.directory)/\(name)" })
        var directories: [String] = []
        var held: Set<Controller> = []
        for (place, controllers) in plan {
            let directory = "\(place.directory)/\(name)"
            guard mkdir(directory, 0o755) == 0 else { continue }
            let isUnified = place.controllers == nil
            let set = controllers.filter { Self.set($0, limits, directory, place.directory, isUnified: isUnified) }
            if set.isEmpty {
                rmdir(directory)
            } else {
                directories.append(directory)
                held.formUnion(set)
            }
        }
        return directories.isEmpty ? nil : Cgroup(directories: directories, held: held)
    }

    /// False where the kernel refuses: a cgroup above may allow less than this.
    private static func set(
        _ controller: Controller, _ limits: Limits, _ directory: String, _ parent: String, isUnified: Bool
    ) -> Bool {
        do {
            switch controller {
            case .cpu:
                let quota = Int64((limits.cores ?? 0) * Double(period))
                if isUnified {
                    try put("\(quota) \(period)", into: "\(directory)/cpu.max")
                } else {
                    try put("\(period)", into: "\(directory)/cpu.cfs_period_us")
                    try put("\(quota)", into: "\(directory)/cpu.cfs_quota_us")
                }
            case .memory:
                let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
                try put("\(limits.memory ?? 0)", into: "\(directory)/\(file)")
            case .cpuset:
                // Version 1 takes no process before it has memory nodes.
                if !isUnified {
                    try put(try Files.read("\(parent)/cpuset.mems", limit: 1 << 16), into: "\(directory)/cpuset.mems")
                }
                let list = (limits.processors ?? []).map(String.init).joined(separator: ",")
                try put(list, into: "\(directory)/cpuset.cpus")
            }
            return true
        } catch {
            return false
        }
    }

    /// In microseconds: the kernel's own.
    private static let period: Int64 = 100_000

    static func put(_ text: String, into path: String) throws { try put(Array(text.utf8), into: path) }

    private static func put(_ bytes: [UInt8], into path: String) throws {
        try Descriptor.open(path, O_WRONLY).write(bytes)
    }

    /// Open for writing: a process that writes `0` there moves in.
    package func processes() throws -> [Descriptor] {
        try directories.map { try Descriptor.open("\($0)/cgroup.procs", O_WRONLY) }
    }

    /// True where the kernel ended a process for its memory.
    package func ranOutOfMemory() throws -> Bool { try memoryShortage() != nil }

    /// Whose memory ran out where the kernel ended a process of a cgroup.
    package enum MemoryShortage: Sendable { case ownLimit, above }

    /// Nil where the kernel ended none for its memory.
    package func memoryShortage() throws -> MemoryShortage? {
        for directory in directories {
            for file in ["memory.events", "memory.oom_control"] where Files.exists("\(directory)/\(file)") {
                func text(_ name: String) throws -> String? {
                    let path = "\(directory)/\(name)"
                    return Files.exists(path) ? String(decoding: try Files.read(path, limit: 4096), as: UTF8.self) : nil
                }
                return Self.memoryShortage(events: try text(file) ?? "", failures: try text("memory.failcnt"))
            }
        }
        return nil
    }

    /// A process that was killed counts where it was, whoever's limit was reached. Version 2 counts `oom` where the limit
    /// was, version 1 only how often a limit was met (`memory.failcnt`).
    static func memoryShortage(events: String, failures: String?) -> MemoryShortage? {
        let counts = CgroupPlace.table(events)
        guard let kills = counts["oom_kill"], kills > 0 else { return nil }
        if let failures { return failures.filter(\.isNumber) == "0" ? .above : .ownLimit }
        return counts["oom"] == 0 ? .above : .ownLimit
    }

    /// Removes empty cgroups beside our own that are named `PREFIX` and the number of a process that is gone.
    package static func removeAbandoned(_ prefix: String) throws {
        for place in try CgroupPlace.own() where Files.isDirectory(place.directory) {
            for name in try Files.list(place.directory) where name.hasPrefix(prefix) {
                guard let maker = Int32(name.dropFirst(prefix.count).prefix(while: \.isNumber)), kill(maker, 0) != 0,
                    errno == ESRCH
                else { continue }
                rmdir("\(place.directory)/\(name)")
            }
        }
    }

    package func remove() throws { try Self.remove(directories) }

    /// Kills what is left in them, which is ours, and removes them; those that are gone are no fault.
    package static func remove(_ directories: [String]) throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(5))
        for directory in directories {
            while rmdir(directory) != 0 && errno != ENOENT {
                guard errno == EBUSY, ContinuousClock.now < deadline else {
                    throw SystemError.last("remove cgroup \(directory)")
                }
                let members = try Files.read("\(directory)/cgroup.procs", limit: 1 << 20)
                for pid in String(decoding: members, as: UTF8.self).split(separator: "\n").compactMap({ Int32($0) }) {
                    kill(pid, SIGKILL)
                }
                _ = try Poll.wait([], until: .now.advanced(by: .milliseconds(10)))
            }
        }
    }
}
