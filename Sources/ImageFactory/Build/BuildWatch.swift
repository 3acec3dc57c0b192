import Glibc
import GridModel
import Linux

/// Looks after what a recipe's scripts take of disk and memory, from outside.
struct BuildWatch {
    let limits: BuildLimits?
    let path: String
    /// Of the filesystem, when the step began.
    private let freeAtStart: Int64

    init(limits: BuildLimits?, path: String, isScript: Bool) throws {
        self.limits = isScript ? limits : nil
        self.path = path
        freeAtStart = try Files.freeSpace(path)
    }

    /// Throws where the step must be ended.
    mutating func look(_ pid: Int32, _ memory: MemoryLimit?) throws {
        guard let limits else { return }
        // What others write to the same disk counts too, which errs towards keeping room.
        let taken = freeAtStart - (try Files.freeSpace(path))
        guard taken <= limits.disk.bytes else {
            throw ImageFactoryError(
                .limitReached,
                "a build script wrote more than the \(limits.disk) that 'limits: disk' of its recipe allows; raise it, or write less"
            )
        }
        // The kernel ended one of its processes; the others may go on for ever.
        if try memory?.wasReached() == true { throw Self.tooMuchMemory(limits) }
        guard case .watchdog? = memory else { return }
        let used = try ProcessTree.residentMemory(below: pid)
        guard used <= limits.memory.bytes else { throw Self.tooMuchMemory(limits) }
    }

    static func tooMuchMemory(_ limits: BuildLimits) -> ImageFactoryError {
        ImageFactoryError(
            .limitReached,
            "a build script took more than the \(limits.memory) of memory that 'limits: memory' of its recipe allows; raise it, or take less"
        )
    }
}

/// Processes by their parents, from /proc.
enum ProcessTree {
    /// Resident bytes of a process and all its descendants. In a pid namespace orphans become children of its first
    /// process, so that none is missed.
    static func residentMemory(below root: Int32) throws -> Int64 {
        var parents: [Int32: Int32] = [:]
        var pages: [Int32: Int64] = [:]
        for name in try Files.list("/proc") {
            guard let pid = Int32(name), let fields = statistics(pid) else { continue }
            (parents[pid], pages[pid]) = (fields.parent, fields.pages)
        }
        let sum = pages.filter { isBelow($0.key, root, parents) }.values.reduce(0, +)
        return sum * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func isBelow(_ pid: Int32, _ root: Int32, _ parents: [Int32: Int32]) -> Bool {
        var current = pid
        // A snapshot that is no tree any more must not make a circle endless.
        for _ in 0..<1000 {
            if current == root { return true }
            guard let parent = parents[current] else { return false }
            current = parent
        }
        return false
    }

    /// Of proc_pid_stat(5): 4 ppid, 24 rss; nil where it has gone.
    private static func statistics(_ pid: Int32) -> (parent: Int32, pages: Int64)? {
        do {
            let text = String(decoding: try Files.read("/proc/\(pid)/stat", limit: 1 << 16), as: UTF8.self)
            // The name, in parentheses, may hold anything.
            guard let end = text.lastIndex(of: ")") else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 21, let parent = Int32(fields[1]), let pages = Int64(fields[21]) else { return nil }
            return (parent, pages)
        } catch {
            return nil
        }
    }
}
