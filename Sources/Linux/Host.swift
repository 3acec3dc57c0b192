internal import CLinux
import Glibc

/// What this host is, as the kernel tells it.
package enum Host {
    /// Processors that this process may use.
    package static var cores: Int { Int(sojourn_usable_cores()) }

    /// Physical memory in bytes.
    package static var memory: Int64 { Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE))) }

    /// Bytes that could be had without swapping, and those of free huge pages (proc(5), `meminfo`).
    package static func memoryInformation() throws -> (available: Int64, freeHugepages: Int64) {
        let values = try meminfo()
        guard let available = values["MemAvailable"] else {
            throw SystemError(code: 0, message: "/proc/meminfo does not tell the available memory")
        }
        let pages = (values["HugePages_Free"] ?? 0) * (values["Hugepagesize"] ?? 0)
        return (available << 10, pages << 10)
    }

    private static func meminfo() throws -> [Substring: Int64] {
        let text = String(decoding: try Files.read("/proc/meminfo", limit: 1 << 16), as: UTF8.self)
        var values: [Substring: Int64] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = Int64(parts[1].filter(\.isNumber)) }
        }
        return values
    }

    /// Bytes of one huge page of the size that is taken where none is asked for (proc(5), `Hugepagesize`).
    package static var hugepageSize: Int64 {
        do { return (try meminfo()["Hugepagesize"] ?? 2048) << 10 } catch { return 2 << 20 }
    }

    /// The NUMA nodes with those of their processors that this process may use.
    package static func nodes() throws -> [(node: Int, processors: [Int])] {
        let usable = Set(try list("/proc/self/status", field: "Cpus_allowed_list"))
        let directory = "/sys/devices/system/node"
        let names = Files.isDirectory(directory) ? try Files.list(directory) : []
        let nodes = try names.compactMap { name in
            name.hasPrefix("node") ? Int(name.dropFirst(4)) : nil
        }.sorted().map { node in
            (node: node, processors: try list("\(directory)/node\(node)/cpulist", field: nil).filter(usable.contains))
        }
        return nodes.isEmpty ? [(0, usable.sorted())] : nodes
    }

    /// Numbers as the kernel lists them: `0-3,8`.
    private static func list(_ path: String, field: String?) throws -> [Int] {
        var text = Substring(String(decoding: try Files.read(path, limit: 1 << 16), as: UTF8.self))
        if let field {
            text = text.split(separator: "\n").first { $0.hasPrefix("\(field):") }?.dropFirst(field.count + 1) ?? ""
        }
        return text.filter { !$0.isWhitespace }.split(separator: ",").flatMap { part -> [Int] in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 1 << 16 else { return [] }
            return Array(first...last)
        }
    }

    package static var processID: Int32 { getpid() }
    package static var effectiveUser: UInt32 { geteuid() }

    package static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, 255)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package static var kernelRelease: String {
        var names = utsname()
        uname(&names)
        return withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Changes with every boot.
    package static func bootID() throws -> String {
        let bytes = try Files.read("/proc/sys/kernel/random/boot_id", limit: 64)
        return String(decoding: bytes.filter { $0 > 32 }, as: UTF8.self)
    }

    /// The path of this program's own file.
    package static func ownExecutable() throws -> String {
        guard let path = Files.canonical("/proc/self/exe") else {
            throw SystemError(
                code: errno,
                message: "this program's own file was replaced or removed while it ran; run the command once more")
        }
        return path
    }

    package static var environment: [String] {
        var entries: [String] = []
        var pointer = environ
        while let entry = pointer.pointee {
            entries.append(String(cString: entry))
            pointer += 1
        }
        return entries
    }

    /// As `environment`; of one that is there twice the first counts, as it does for getenv(3).
    package static var variables: [String: String] {
        Dictionary(
            environment.map { entry in
                let name = entry.prefix { $0 != "=" }
                return (String(name), String(entry.dropFirst(name.count + 1)))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The value of an environment variable; nil where it is not set or empty.
    package static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Seconds since 1970 with their nanoseconds.
    package static var realtime: (seconds: Int64, nanoseconds: Int64) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return (Int64(time.tv_sec), Int64(time.tv_nsec))
    }
}
