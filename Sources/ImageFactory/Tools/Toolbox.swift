import Glibc
import Linux

/// Runs tools: their output goes to one log, they die with us, and a failure shows the log's end.
struct Toolbox: Sendable {
    let logPath: String
    let log: Descriptor
    let null: Descriptor

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
        try run(tool, arguments, adding: environment, output: memory, deadline: .seconds(120))
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

    /// What a tool prints as the last word of the line that tells its version.
    func version(_ tool: Tool, _ flag: String) throws -> String {
        let line = try output(tool, [flag]).split(separator: "\n").first ?? ""
        return line.split(separator: " ").last.map(String.init) ?? "unknown"
    }

    private func run(
        _ tool: Tool, _ arguments: [String], adding environment: [String], directory: String? = nil, output: Descriptor,
        deadline: Duration
    ) throws {
        // The caller's umask must not reach the content of images.
        var child = ChildSpecification(
            try Tool.shell.find(),
            ["-c", "umask 022 && exec \"$0\" \"$@\""] + [try tool.find()] + arguments,
            environment: environment + Self.environment(without: environment),
            descriptors: [null, output, log])
        child.directory = directory
        // The signal follows the thread, and this one waits for the child.
        child.parentDeathSignal = SIGKILL
        note("+ \(tool.name) \(arguments.joined(separator: " "))")
        let process = try ChildProcess.spawn(child)
        try supervise(process, tool.name, deadline: deadline)
    }

    /// Waits for a tool's end and judges it; `look` may throw in between. A tool that fills the disk is stopped before
    /// nothing is left: how it would report that, and what it would leave half-written, differs from tool to tool.
    func supervise(
        _ process: ChildProcess, _ name: String, deadline: Duration, remedy: String = "", look: () throws -> Void = {}
    ) throws {
        let end = ContinuousClock.now.advanced(by: deadline)
        do {
            while try !Poll.wait(for: process.ended.raw, until: min(end, .now.advanced(by: .milliseconds(250)))) {
                if try Files.freeSpace(logPath) < Self.reserve {
                    throw ImageFactoryError.fullDisk(Files.parent(of: logPath))
                }
                guard try Files.size(logPath) <= Self.longestLog else {
                    throw ImageFactoryError(
                        .limitReached,
                        "\(name) wrote more than \(Self.longestLog >> 20) MiB of messages; make it say less")
                }
                try look()
                guard ContinuousClock.now < end else {
                    throw ImageFactoryError(
                        .limitReached,
                        "\(name) did not end within \(deadline.components.seconds) s\(remedy)\(try logEnd())")
                }
            }
        } catch {
            process.signal(SIGKILL)
            _ = try process.wait()
            throw error
        }
        let status = try process.wait()
        // Between two looks it may have filled the disk by itself, and failed in a way of its own.
        if status != .exited(0), try Files.freeSpace(logPath) < Self.reserve {
            throw ImageFactoryError.fullDisk(Files.parent(of: logPath))
        }
        switch status {
        case .exited(0): break
        case .exited(let code):
            throw ImageFactoryError(.toolFailed, "\(name) failed with status \(code)\(try logEnd())")
        case .signalled(let number):
            throw ImageFactoryError(.toolFailed, "\(name) was ended by signal \(number)\(try logEnd())")
        }
    }

    private static let longestLog: Int64 = 256 << 20

    /// Bytes that builds leave free.
    private static let reserve: Int64 = 64 << 20

    /// Writes a line of our own to the log. The log is a help only: a full disk must not make it the failure.
    func note(_ text: String) {
        do { try log.write("\(text)\n".utf8) } catch {}
    }

    /// The log's last lines that hold one of these texts, each once.
    func logLines(matching texts: [String]) throws -> [String] {
        var found: [String] = []
        for line in try logTail(65536).split(separator: "\n") where texts.contains(where: { line.contains($0) }) {
            let text = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            if !found.contains(text) { found.append(text) }
        }
        return Array(found.suffix(10))
    }

    private func logTail(_ bytes: Int64) throws -> String {
        let file = try Descriptor.open(logPath, O_RDONLY)
        let size = try file.size()
        try retrying("read \(logPath)") { lseek(file.raw, off_t(max(0, size - bytes)), SEEK_SET) }
        return String(decoding: try file.read(upTo: Int(bytes)) ?? [], as: UTF8.self)
    }

    /// For a message: the last lines of the log, and where all of it is.
    private func logEnd() throws -> String {
        let text = try logTail(8192)
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
