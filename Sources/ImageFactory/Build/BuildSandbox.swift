import GridModel
import Linux

/// Runs the steps of a build, each in namespaces of its own, without a network.
///
/// Paths are the same in every build, whoever builds and wherever: that is half of why its bits are.
struct BuildSandbox {
    /// The build's; its part `work` is what steps may write: their `/build`.
    private let directory: String
    let tools: Toolbox
    /// For steps that run what a recipe says.
    var limits: BuildLimits?
    var isQuiet = false
    private let users: UserMap

    private var work: String { "\(directory)/work" }
    private var inputs: String { "\(directory)/inputs" }

    init(directory: String, tools: Toolbox) throws {
        self.directory = directory
        self.tools = tools
        users = try UserMap.forBuilds()
    }

    /// Runs a program of the host, which sees the host's programs, `/inputs` and `/build`. Standard error and output go to the log.
    func run(
        _ tool: Tool, _ arguments: [String], mounts: [Sandbox.Mount] = [], adding environment: [String] = [],
        deadline: Duration
    ) throws {
        var sandbox = Sandbox(root: nil, mounts: hostMounts() + mounts, environment: environment + Self.environment)
        sandbox.directory = "/build"
        try run(sandbox, tool.name, try tool.find(), arguments, deadline)
    }

    /// Runs this program in the same view, as `/sojourn image step …`.
    func runOurselves(_ arguments: [String], mounts: [Sandbox.Mount] = [], deadline: Duration) throws {
        let own = Sandbox.Mount(try Host.ownExecutable(), at: "/sojourn", readOnly: true)
        var sandbox = Sandbox(root: nil, mounts: hostMounts() + [own] + mounts, environment: Self.environment)
        sandbox.directory = "/build"
        try run(sandbox, "sojourn", "/sojourn", ["image", "step"] + arguments, deadline)
    }

    /// Runs a program of the tree, which sees the tree alone, and the inputs at `/run/build`. A script of a recipe has a limit
    /// of `memory`.
    func runInTree(
        _ arguments: [String], adding environment: [String] = [], memory: MemoryLimit? = nil, deadline: Duration
    ) throws {
        let mounts =
            devices + [
                Sandbox.Mount(nil, at: "/run", size: Self.volatileSize),
                Sandbox.Mount(inputs, at: "/run/build", readOnly: true), Sandbox.Mount("\(work)/tmp", at: "/tmp"),
            ]
        var sandbox = Sandbox(root: "\(work)/tree", mounts: mounts, environment: environment + Self.environment)
        sandbox.capabilities = Self.capabilities
        guard let memory, let limits else {
            return try run(sandbox, Files.name(of: arguments[0]), arguments[0], Array(arguments.dropFirst()), deadline)
        }
        sandbox.processes = 4096
        switch memory {
        case .cgroup(let group): sandbox.cgroup = try group.processes().first
        case .watchdog: sandbox.addressSpace = UInt64(limits.memory.bytes)
        }
        try run(sandbox, "a build script", arguments[0], Array(arguments.dropFirst()), deadline, memory)
    }

    private func run(
        _ sandbox: Sandbox, _ name: String, _ executable: String, _ arguments: [String], _ deadline: Duration,
        _ memory: MemoryLimit? = nil
    ) throws {
        if !isQuiet { tools.note("+ [sandbox] \(executable) \(arguments.joined(separator: " "))") }
        var watch = try BuildWatch(limits: limits, path: work, isScript: memory != nil)
        let process = try sandbox.spawn(executable, arguments, input: tools.null, output: tools.log, users: users)
        do {
            let remedy =
                watch.limits.map { ", the 'limits: time' of \($0.time) in its recipe; raise it, or do less" } ?? ""
            try tools.supervise(process, name, deadline: deadline, remedy: remedy) {
                try watch.look(process.pid, memory)
            }
        } catch let error as ImageFactoryError where error.code == .toolFailed {
            guard let limits, let memory else { throw error }
            if try memory.wasReached() { throw BuildWatch.tooMuchMemory(limits) }
            guard case .watchdog = memory else { throw error }
            // A process that gets no more memory ends as it likes.
            throw ImageFactoryError(
                .toolFailed,
                "\(error.message)if it lacked memory: \(limits.memory) a process is what the 'limits: memory' of its recipe allows"
            )
        }
    }

    /// Of a tmpfs, which takes memory that is no process's: scripts have `/tmp` on the disk, where its limit holds.
    private static let volatileSize: UInt64 = 64 << 20

    private var devices: [Sandbox.Mount] {
        let nodes = BuildDirectory.devices.map { Sandbox.Mount("/dev/\($0)", at: "/dev/\($0)") }
        return [Sandbox.Mount("\(directory)/dev", at: "/dev", readOnly: true)] + nodes + [
            Sandbox.Mount(nil, at: "/dev/shm", size: Self.volatileSize)
        ]
    }

    /// The host's programs, and of its configuration what they cannot run without: nothing else may reach an image.
    private func hostMounts() -> [Sandbox.Mount] {
        let host = [
            "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache",
            "/etc/ld.so.conf", "/etc/ld.so.conf.d",
        ]
        return host.filter(Files.exists).map { Sandbox.Mount($0, at: $0, readOnly: true) } + [
            Sandbox.Mount("\(directory)/etc/passwd", at: "/etc/passwd", readOnly: true),
            Sandbox.Mount("\(directory)/etc/group", at: "/etc/group", readOnly: true), Sandbox.Mount(nil, at: "/tmp"),
            Sandbox.Mount(nil, at: "/var/tmp"), Sandbox.Mount(nil, at: "/run"), Sandbox.Mount(nil, at: "/sys"),
            Sandbox.Mount(work, at: "/build"), Sandbox.Mount(inputs, at: "/inputs", readOnly: true),
        ] + devices
    }

    /// What installing software takes. Above all none to mount with: what is mounted read-only stays that.
    private static let capabilities: Set<Capability> = [
        .chown, .overrideDiscretionaryAccess, .searchDiscretionaryAccess, .fileOwner, .fileSetID, .kill, .setGroup,
        .setUser, .setCapabilities, .bindService, .changeRoot, .makeNodes, .writeAudit, .setFileCapabilities,
    ]

    /// Nothing of the caller's.
    private static let environment = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/root",
        "DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "PYTHONHASHSEED=0",
        "PYTHONDONTWRITEBYTECODE=1",
    ]
}
