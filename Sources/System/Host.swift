internal import CSystem
import Glibc

/// What this host is, as the kernel tells it.
package enum Host {
    /// Processors that this process may use.
    package static var cores: Int { Int(sojourn_usable_cores()) }

    /// Physical memory in bytes.
    package static var memory: Int64 { Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE))) }

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
