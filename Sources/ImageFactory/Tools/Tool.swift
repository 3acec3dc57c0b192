import Glibc
import System

/// A program of the host that builds need, and the Debian package that has it.
struct Tool: Sendable {
    let name: String
    let package: String
    /// Where it is looked for; nil for PATH.
    var directories: [String]?

    static let apt = Tool(name: "apt-get", package: "apt")
    static let aptCache = Tool(name: "apt-cache", package: "apt")
    static let aptConfig = Tool(name: "apt-config", package: "apt")
    static let dpkgDeb = Tool(name: "dpkg-deb", package: "dpkg")
    static let mkfsErofs = Tool(name: "mkfs.erofs", package: "erofs-utils")
    static let mmdebstrap = Tool(name: "mmdebstrap", package: "mmdebstrap")
    static let newuidmap = Tool(name: "newuidmap", package: "uidmap")
    static let python = Tool(name: "python3", package: "python3")
    static let shell = Tool(name: "sh", package: "dash")
    static let unshare = Tool(name: "unshare", package: "util-linux")
    static let unxz = Tool(name: "xz", package: "xz-utils")
    static let unzstd = Tool(name: "zstd", package: "zstd")

    /// Where it is, by PATH; the system directories are searched in any case, for ordinary users often lack them.
    func find() throws -> String {
        let directories =
            self.directories ?? (Host.variable("PATH") ?? "").split(separator: ":").map(String.init)
            + ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        guard let directory = directories.first(where: { $0.hasPrefix("/") && Files.isExecutable("\($0)/\(name)") })
        else {
            throw ImageFactoryError(
                .missingTool, "the program \(name) is not installed; install it: apt-get install \(package)")
        }
        return "\(directory)/\(name)"
    }
}

/// Runs tools: their output goes to one log, they die with us, and a failure shows the log's end.
struct Toolbox: Sendable {
    let logPath: String
    private let log: Descriptor
    private let null: Descriptor

    init(log path: String) throws {
        logPath = path
        try Files.makeDirectories(Files.parent(of: path), mode: 0o700)
        log = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)
        null = try Descriptor.open("/dev/null", O_RDWR)
    }

    /// `adding` are `K=V` entries beside the plain environment.
    func run(
        _ tool: Tool, _ arguments: [String], adding environment: [String] = [], directory: String? = nil,
        deadline: Duration
    ) throws {
        try run(tool, arguments, adding: environment, directory: directory, output: log, deadline: deadline)
    }

    /// Runs a tool for its standard output, at most 64 MiB.
    func bytes(_ tool: Tool, _ arguments: [String], adding environment: [String] = []) throws -> [UInt8] {
        let memory = try Descriptor.memory(named: tool.name)
        try run(tool, arguments, adding: environment, directory: nil, output: memory, deadline: .seconds(120))
        let size = try memory.size()
        guard size <= 64 << 20 else {
            throw ImageFactoryError(.toolFailed, "\(tool.name) wrote \(size) bytes where a short answer was expected")
        }
        try retrying("rewind the output of \(tool.name)") { lseek(memory.raw, 0, SEEK_SET) }
        var bytes: [UInt8] = []
        while let chunk = try memory.read(upTo: 1 << 16), !chunk.isEmpty { bytes += chunk }
        return bytes
    }

    func output(_ tool: Tool, _ arguments: [String], adding environment: [String] = []) throws -> String {
        String(decoding: try bytes(tool, arguments, adding: environment), as: UTF8.self)
    }

    private func run(
        _ tool: Tool, _ arguments: [String], adding environment: [String], directory: String?, output: Descriptor,
        deadline: Duration
    ) throws {
        // The caller's umask must not reach the content of images.
        var child = ChildSpecification(
            try Tool.shell.find(), ["-c", "umask 022 && exec \"$0\" \"$@\"", try tool.find()] + arguments,
            environment: environment + Self.environment(without: environment),
            descriptors: [null.raw, output.raw, log.raw])
        child.directory = directory
        // The signal follows the thread, and this one waits for the child.
        child.parentDeathSignal = SIGKILL
        note("+ \(tool.name) \(arguments.joined(separator: " "))")
        let process = try ChildProcess.spawn(child)
        guard try Poll.wait(for: process.ended.raw, until: .now.advanced(by: deadline)) else {
            try process.stop(grace: .seconds(2))
            throw ImageFactoryError(
                .toolFailed, "\(tool.name) did not end within \(deadline.components.seconds) s\(try logEnd())")
        }
        switch try process.wait() {
        case .exited(0): break
        case .exited(let code):
            throw ImageFactoryError(.toolFailed, "\(tool.name) failed with status \(code)\(try logEnd())")
        case .signalled(let number):
            throw ImageFactoryError(.toolFailed, "\(tool.name) was ended by signal \(number)\(try logEnd())")
        }
    }

    /// Writes a line of our own to the log. The log is a help only: a full disk must not make it the failure.
    func note(_ text: String) {
        do { try log.write("\(text)\n".utf8) } catch {}
    }

    /// For a message: the last lines of the log, and where all of it is.
    private func logEnd() throws -> String {
        let file = try Descriptor.open(logPath, O_RDONLY)
        let size = try file.size()
        try retrying("read \(logPath)") { lseek(file.raw, off_t(max(0, size - 8192)), SEEK_SET) }
        let text = String(decoding: try file.read(upTo: 8192) ?? [], as: UTF8.self)
        // Of a line that was written over, its last state.
        let lines = text.split(separator: "\n").map { $0.split(separator: "\r").last ?? "" }.suffix(20).map {
            "  \($0)\n"
        }.joined()
        return "; the end of its log \(logPath):\n\(lines)"
    }

    /// What tools see: nothing of the caller's settings but its proxies and pip's index.
    private static func environment(without others: [String]) -> [String] {
        let kept = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "HOME"]
        let passed = Host.environment.filter { entry in
            kept.contains { entry.hasPrefix("\($0)=") } || entry.hasPrefix("PIP_")
        }
        let own = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC",
            "DEBIAN_FRONTEND=noninteractive",
        ]
        func name(_ entry: String) -> Substring { entry.prefix { $0 != "=" } }
        return (own + passed).filter { entry in !others.contains { name($0) == name(entry) } }
    }
}
