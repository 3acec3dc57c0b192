import Glibc

/// What the kernel has counted of one process, until it is reaped: proc(5).
package struct ProcessUsage: Sendable, Equatable {
    /// Of all its threads, those that have ended included.
    package var processorMilliseconds: Int64 = 0
    /// Of children that it has reaped, and theirs.
    package var childrenMilliseconds: Int64 = 0
    /// By system calls, from and to files, those of reaped children included. Sockets' own calls do not count.
    package var readBytes: Int64 = 0
    package var writtenBytes: Int64 = 0
    /// Resident now, in bytes; none where it has ended.
    package var anonymous: Int64 = 0
    package var shared: Int64 = 0
    package var huge: Int64 = 0
    package var fileBacked: Int64 = 0
    /// The most that ever was resident, huge pages apart.
    package var peak: Int64 = 0

    /// Nil where it has been reaped.
    package init?(of pid: Int32) {
        guard let stat = Self.text("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        // From field 3 on: 14 utime, 15 stime, 16 cutime, 17 cstime.
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        let ticks = fields.count > 14 ? fields[11...14].compactMap { Int64($0) } : []
        guard ticks.count == 4 else { return nil }
        let tick = 1000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
        processorMilliseconds = (ticks[0] + ticks[1]) * tick
        childrenMilliseconds = (ticks[2] + ticks[3]) * tick
        let io = Self.fields("/proc/\(pid)/io")
        readBytes = io["rchar"] ?? 0
        writtenBytes = io["wchar"] ?? 0
        let status = Self.fields("/proc/\(pid)/status")
        func bytes(_ name: Substring) -> Int64 { (status[name] ?? 0) << 10 }
        (anonymous, shared, huge) = (bytes("RssAnon"), bytes("RssShmem"), bytes("HugetlbPages"))
        (fileBacked, peak) = (bytes("RssFile"), bytes("VmHWM"))
    }

    /// The children of a process that live, or wait to be reaped by it.
    package static func children(of pid: Int32) -> [Int32] {
        (text("/proc/\(pid)/task/\(pid)/children") ?? "").split(separator: " ").compactMap { Int32($0) }
    }

    private static func fields(_ path: String) -> [Substring: Int64] {
        var values: [Substring: Int64] = [:]
        for line in (text(path) ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = Int64(parts[1].filter(\.isNumber)) }
        }
        return values
    }

    /// Nil where the process has gone, or is another's.
    private static func text(_ path: String) -> String? {
        do { return String(decoding: try Files.read(path, limit: 1 << 16), as: UTF8.self) } catch { return nil }
    }
}
