internal import CLinux
import Glibc

/// What a child process is to be, from fork to exec. The steps are taken in the order of `sojourn_spawn`.
package struct ChildSpecification: Sendable {
    package struct Credentials: Sendable, Equatable {
        package var uid: UInt32
        package var gid: UInt32
        package var groups: [UInt32]

        package init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
            self.uid = uid
            self.gid = gid
            self.groups = groups
        }
    }

    package var executable: String
    package var arguments: [String]
    /// `K=V` entries: the child's whole environment.
    package var environment: [String]
    package var directory: String?
    /// The child's descriptor i is the i-th here; nil leaves it closed. All others are closed in the child.
    package var descriptors: [Descriptor?]
    package var newSession = false
    package var newProcessGroup = false
    /// Makes descriptor 0 the controlling terminal; needs `newSession`.
    package var controllingTerminal = false
    /// Sent to the child when the spawning *thread* ends.
    package var parentDeathSignal: Int32 = 0
    /// A cgroup's `cgroup.procs`, open for writing, in each hierarchy.
    package var cgroups: [Descriptor] = []
    /// The only processors that it may run on; empty: all of its parent's.
    package var processors: [Int] = []
    package var credentials: Credentials?
    package var dropCapabilities = false
    /// An own user namespace in which the caller keeps its numbers and holds every capability.
    package var ownUserNamespace = false
    /// Bound in a mount namespace of the child's own.
    package var bind: Bind?

    package struct Bind: Sendable {
        package var source: String
        package var target: String
        /// The whole tree, whatever is mounted in it.
        package var readOnly: Bool

        package init(source: String, target: String, readOnly: Bool) {
            self.source = source
            self.target = target
            self.readOnly = readOnly
        }
    }

    /// `arguments` without the program's own name, which is `executable`.
    package init(_ executable: String, _ arguments: [String], environment: [String], descriptors: [Descriptor?]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
    }
}

/// How a process ended.
package enum ExitStatus: Equatable, Sendable {
    case exited(UInt8)
    case signalled(Int32)

    package init(waitStatus: Int32) {
        let signal = sojourn_term_signal(waitStatus)
        self = signal > 0 ? .signalled(signal) : .exited(UInt8(truncatingIfNeeded: sojourn_exit_code(waitStatus)))
    }
}

/// A child that we started. It is reaped by `reap` or `wait`, never by its destruction.
package final class ChildProcess: Sendable {
    package let pid: Int32
    /// Readable once the child has ended.
    package let ended: Descriptor

    private init(pid: Int32, ended: Descriptor) {
        self.pid = pid
        self.ended = ended
    }

    package static func spawn(_ specification: ChildSpecification) throws -> ChildProcess {
        let pid = try fork(specification)
        let pidfd = try retrying("open a pidfd of process \(pid)") { sojourn_pidfd_open(pid) }
        return ChildProcess(pid: pid, ended: Descriptor(owning: pidfd))
    }

    /// A child that was made by other means.
    static func adopt(pid: Int32) throws -> ChildProcess {
        let pidfd = try retrying("open a pidfd of process \(pid)") { sojourn_pidfd_open(pid) }
        return ChildProcess(pid: pid, ended: Descriptor(owning: pidfd))
    }

    /// As `spawn`, for pid 1, which reaps by SIGCHLD and needs no pidfd.
    package static func fork(_ specification: ChildSpecification) throws -> Int32 {
        let path = strdup(specification.executable)
        let arguments = CStrings([specification.executable] + specification.arguments)
        let environment = CStrings(specification.environment)
        let directory = specification.directory.map { strdup($0) } ?? nil
        let bind = CStrings(specification.bind.map { [$0.source, $0.target] } ?? [])
        defer {
            free(path)
            free(directory)
        }
        let descriptors = specification.descriptors.map { $0?.raw ?? -1 }
        let groups = specification.credentials?.groups ?? []
        let cgroups = specification.cgroups.map(\.raw)
        let processors = specification.processors.map { Int32(clamping: $0) }
        var step: Int32 = 0
        // The specification owns the descriptors, arguments and environment their strings: none may go before the fork.
        let pid = withExtendedLifetime((specification, arguments, environment, bind)) {
            var native = sojourn_spawn()
            native.path = UnsafePointer(path)
            native.argv = UnsafePointer(arguments.pointers)
            native.envp = UnsafePointer(environment.pointers)
            native.directory = UnsafePointer(directory)
            if let wanted = specification.bind {
                native.bind_source = UnsafePointer(bind.pointers[0])
                native.bind_target = UnsafePointer(bind.pointers[1])
                native.bind_read_only = wanted.readOnly ? 1 : 0
            }
            native.descriptor_count = Int32(descriptors.count)
            native.group_count = Int32(groups.count)
            native.cgroup_count = Int32(cgroups.count)
            native.processor_count = Int32(processors.count)
            native.fill(from: specification)
            return native.start(descriptors, groups, cgroups, processors, &step)
        }
        guard pid > 0 else { throw SystemError.last("start \(specification.executable)\(Self.place(of: step))") }
        return pid
    }

    private static func place(of step: Int32) -> String {
        switch Int(step) {
        case SOJOURN_STEP_DIRECTORY: " (entering its directory)"
        case SOJOURN_STEP_NAMESPACE: " (making its user namespace)"
        case SOJOURN_STEP_BIND: " (binding what it shares)"
        case SOJOURN_STEP_USER: " (changing to its user)"
        case SOJOURN_STEP_CAPABILITIES: " (dropping capabilities)"
        case SOJOURN_STEP_CGROUP: " (entering its cgroup)"
        case SOJOURN_STEP_PROCESSORS: " (binding it to its processors)"
        case SOJOURN_STEP_SESSION: " (making its session)"
        default: ""
        }
    }

    package func signal(_ number: Int32) {
        // Already gone is as good as delivered.
        _ = sojourn_pidfd_send_signal(ended.raw, number)
    }

    /// Reaps the child if it has ended.
    package func reap() -> ExitStatus? {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) == pid ? ExitStatus(waitStatus: status) : nil
    }

    /// Waits for the child's end and reaps it.
    package func wait() throws -> ExitStatus {
        var status: Int32 = 0
        try retrying("wait for process \(pid)") { waitpid(pid, &status, 0) }
        return ExitStatus(waitStatus: status)
    }

    /// TERM, a wait of at most `grace`, KILL, reap.
    @discardableResult
    package func stop(grace: Duration) throws -> ExitStatus {
        try end(grace: grace)
        return try wait()
    }

    /// As `stop`, but not yet reaped: the kernel still tells what it used.
    package func end(grace: Duration) throws {
        signal(SIGTERM)
        if try Poll.wait(for: ended.raw, until: .now.advanced(by: grace)) { return }
        signal(SIGKILL)
        _ = try Poll.wait([(ended.raw, .readable)], until: nil)
    }
}

extension sojourn_spawn {
    fileprivate mutating func start(
        _ descriptors: [Int32], _ groups: [UInt32], _ cgroups: [Int32], _ processors: [Int32], _ step: inout Int32
    ) -> Int32 {
        descriptors.withUnsafeBufferPointer { descriptorBuffer in
            groups.withUnsafeBufferPointer { groupBuffer in
                cgroups.withUnsafeBufferPointer { cgroupBuffer in
                    processors.withUnsafeBufferPointer { processorBuffer in
                        self.descriptors = descriptorBuffer.baseAddress
                        self.groups = groupBuffer.baseAddress
                        self.cgroups = cgroupBuffer.baseAddress
                        self.processors = processorBuffer.baseAddress
                        return sojourn_spawn_process(&self, &step)
                    }
                }
            }
        }
    }

    fileprivate mutating func fill(from specification: ChildSpecification) {
        new_session = specification.newSession ? 1 : 0
        new_group = specification.newProcessGroup ? 1 : 0
        controlling_terminal = specification.controllingTerminal ? 1 : 0
        parent_death_signal = specification.parentDeathSignal
        drop_capabilities = specification.dropCapabilities ? 1 : 0
        own_user_namespace = specification.ownUserNamespace ? 1 : 0
        if let credentials = specification.credentials {
            change_user = 1
            uid = credentials.uid
            gid = credentials.gid
        }
    }
}

/// A null-terminated array of C strings.
final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
        pointers[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
