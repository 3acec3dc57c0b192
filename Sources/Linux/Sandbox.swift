internal import CLinux
import Glibc

/// A process that is root of a world of its own: user, mount, pid and network namespaces, a root directory that holds only
/// what is listed, and no way out: no terminal and no keys of the caller's session either. The same for root as for an ordinary user with subordinate users.
package struct Sandbox: Sendable {
    package struct Mount: Sendable {
        /// Nil: an empty tmpfs.
        package var source: String?
        /// Absolute, in the sandbox.
        package var target: String
        package var readOnly: Bool
        /// The most that an empty tmpfs takes, in bytes; 0: the kernel's default, half of the memory.
        package var size: UInt64

        package init(_ source: String?, at target: String, readOnly: Bool = false, size: UInt64 = 0) {
            self.source = source
            self.size = size
            self.target = target
            self.readOnly = readOnly
        }
    }

    /// Becomes the root, writable; nil: an empty tmpfs.
    package var root: String?
    /// In order, each within what stands before it.
    package var mounts: [Mount]
    /// `K=V` entries: the whole environment.
    package var environment: [String]
    package var directory = "/"
    /// A cgroup's `cgroup.procs`, open for writing.
    package var cgroup: Descriptor?
    /// Nil: all, within its namespaces.
    package var capabilities: Set<Capability>?
    /// Processes that its users may have at once; nil: no limit.
    package var processes: UInt64?
    /// Bytes that one process may map; nil: no limit.
    package var addressSpace: UInt64?

    package init(root: String?, mounts: [Mount], environment: [String]) {
        self.root = root
        self.mounts = mounts
        self.environment = environment
    }

    /// Starts a program of the sandbox as its root and first process: its end ends all others. It ends with the spawning
    /// *thread*. Standard output and error both go to `output`.
    package func spawn(
        _ executable: String, _ arguments: [String], input: Descriptor, output: Descriptor, users: UserMap
    ) throws -> ChildProcess {
        var go: Int32 = -1
        var report: Int32 = -1
        let pid = start(executable, arguments, input, output, &go, &report)
        guard pid > 0 else {
            throw SystemError.last(
                "make namespaces for a build (user namespaces may be forbidden on this host: see user_namespaces(7))")
        }
        let (goEnd, reportEnd) = (Descriptor(owning: go), Descriptor(owning: report))
        let child = try ChildProcess.adopt(pid: pid)
        do {
            try users.apply(to: pid)
            try goEnd.write([1])
            try finish(reportEnd)
        } catch {
            child.signal(SIGKILL)
            _ = try child.wait()
            throw error
        }
        return child
    }

    private func start(
        _ executable: String, _ arguments: [String], _ input: Descriptor, _ output: Descriptor, _ go: inout Int32,
        _ report: inout Int32
    ) -> Int32 {
        let path = CStrings([executable, directory] + (root.map { [$0] } ?? []))
        let argv = CStrings([executable] + arguments)
        let envp = CStrings(environment)
        let strings = CStrings(mounts.flatMap { [$0.source ?? "", $0.target] })
        let native = mounts.indices.map { index in
            sojourn_sandbox_mount(
                source: mounts[index].source == nil ? nil : UnsafePointer(strings.pointers[2 * index]),
                target: UnsafePointer(strings.pointers[2 * index + 1]), read_only: mounts[index].readOnly ? 1 : 0,
                size: mounts[index].size)
        }
        return withExtendedLifetime((path, argv, envp, strings, input, output, cgroup)) {
            native.withUnsafeBufferPointer { buffer in
                var spec = sojourn_sandbox()
                spec.path = UnsafePointer(path.pointers[0])
                spec.directory = UnsafePointer(path.pointers[1])
                spec.root = root == nil ? nil : UnsafePointer(path.pointers[2])
                spec.argv = UnsafePointer(argv.pointers)
                spec.envp = UnsafePointer(envp.pointers)
                spec.input = input.raw
                spec.output = output.raw
                spec.mounts = buffer.baseAddress
                spec.mount_count = Int32(buffer.count)
                spec.cgroup = cgroup?.raw ?? -1
                spec.capabilities = (capabilities ?? []).reduce(0) { $0 | 1 << $1.rawValue }
                spec.processes = processes ?? 0
                spec.address_space = addressSpace ?? 0
                return sojourn_sandbox_start(&spec, &go, &report)
            }
        }
    }

    private func finish(_ report: Descriptor) throws {
        var step: Int32 = 0
        var mount: Int32 = -1
        let result = withExtendedLifetime(report) { sojourn_sandbox_finish(report.raw, &step, &mount) }
        guard result < 0 else { return }
        let entry =
            mounts.indices.contains(Int(mount))
            ? " (\(mounts[Int(mount)].source ?? "tmpfs") at \(mounts[Int(mount)].target))" : ""
        throw SystemError.last("make a build's sandbox: \(Self.name(of: step))\(entry)")
    }

    private static func name(of step: Int32) -> String {
        switch Int(step) {
        case SOJOURN_SANDBOX_SOURCE: "find what it may see"
        case SOJOURN_SANDBOX_MAPS: "wait for its users"
        case SOJOURN_SANDBOX_USER: "become its root"
        case SOJOURN_SANDBOX_ROOT: "make its root directory"
        case SOJOURN_SANDBOX_MOUNT: "mount what it may see"
        case SOJOURN_SANDBOX_PIVOT: "enter its root directory"
        case SOJOURN_SANDBOX_LIMITS: "set its limits"
        case SOJOURN_SANDBOX_EXEC: "run its program"
        default: "begin"
        }
    }
}

/// By their numbers in linux/capability.h.
package enum Capability: UInt64, Sendable {
    case chown = 0
    case overrideDiscretionaryAccess = 1
    case searchDiscretionaryAccess = 2
    case fileOwner = 3
    case fileSetID = 4
    case kill = 5
    case setGroup = 6
    case setUser = 7
    case setCapabilities = 8
    case bindService = 10
    case changeRoot = 18
    case makeNodes = 27
    case writeAudit = 29
    case setFileCapabilities = 31
}

/// Which users and groups of the host are 0 to 65535 in a user namespace.
package struct UserMap: Sendable, Equatable {
    /// As the lines of `/proc/PID/uid_map`: first inside, first outside, how many.
    package var users: [Range]
    package var groups: [Range]
    /// Who writes the maps: nil, we ourselves, as root may; else `newuidmap` and `newgidmap` in this directory.
    package var helpers: String?

    package struct Range: Sendable, Equatable {
        package var inside: UInt32
        package var outside: UInt32
        package var count: UInt32

        package init(inside: UInt32, outside: UInt32, count: UInt32) {
            self.inside = inside
            self.outside = outside
            self.count = count
        }

        var words: [String] { ["\(inside)", "\(outside)", "\(count)"] }
    }

    /// For root: numbers that nobody has, so that nothing in a build is anybody of the host (systemd's UIDS-GIDS.md keeps
    /// 0x70000000 and what follows free; the processes of machines have the first 4194304 of these).
    package static let nobody: UInt32 = 0x7040_0000

    package static var forRoot: UserMap {
        let range = [Range(inside: 0, outside: nobody, count: 65536)]
        return UserMap(users: range, groups: range, helpers: nil)
    }

    package init(users: [Range], groups: [Range], helpers: String?) {
        self.users = users
        self.groups = groups
        self.helpers = helpers
    }

    func apply(to pid: Int32) throws {
        guard let helpers else {
            try Self.write(users, to: "/proc/\(pid)/uid_map")
            try Self.write(groups, to: "/proc/\(pid)/gid_map")
            return
        }
        for (program, ranges) in [("newuidmap", users), ("newgidmap", groups)] {
            let null = try Descriptor.open("/dev/null", O_RDWR)
            let child = try ChildProcess.spawn(
                ChildSpecification(
                    "\(helpers)/\(program)", ["\(pid)"] + ranges.flatMap(\.words), environment: [],
                    descriptors: [null, null, null]))
            guard try child.wait() == .exited(0) else {
                throw SystemError(
                    code: EPERM,
                    message: "\(program) refused the subordinate users of /etc/subuid and /etc/subgid; "
                        + "give this user a range: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
                )
            }
        }
    }

    private static func write(_ ranges: [Range], to path: String) throws {
        // In one write, as the kernel demands (user_namespaces(7)).
        let text = ranges.map { $0.words.joined(separator: " ") + "\n" }.joined()
        try Descriptor.open(path, O_WRONLY).write(text.utf8)
    }
}
