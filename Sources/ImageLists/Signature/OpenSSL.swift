import Glibc
import Linux

/// Runs the host's openssl on files that are memory: nothing is left of them, whatever ends us.
package struct OpenSSL: Sendable {
    /// nil: the system's. PATH is not asked, for what is found there decides what is endorsed.
    package var program: String?
    /// For one run.
    package var deadline: Duration

    package init(program: String? = nil, deadline: Duration = .seconds(30)) {
        self.program = program
        self.deadline = deadline
    }

    struct Answer {
        let status: ExitStatus
        let output: String
        let error: String
    }

    /// What a run may write in all. A payload is at most twice its message, when each line end becomes two bytes.
    private static let outputLimit: Int64 = 64 << 20
    private static let textLimit = 64 << 10

    /// A file that openssl can read, or write anew.
    static func file(_ name: String, _ bytes: [UInt8] = []) throws -> Descriptor {
        let file = try Descriptor.memory(named: name)
        try file.write(bytes)
        return file
    }

    static func contents(of file: Descriptor, limit: Int) throws -> [UInt8] {
        guard try file.size() <= limit else {
            throw ImageListError(.tooLarge, "openssl wrote more than the \(limit) bytes allowed")
        }
        try retrying("rewind what openssl wrote") { lseek(file.raw, 0, SEEK_SET) }
        var bytes: [UInt8] = []
        while let chunk = try file.read(upTo: 1 << 20), !chunk.isEmpty { bytes += chunk }
        return bytes
    }

    /// The name under which a run sees the i-th of its files.
    static func path(_ index: Int) -> String { "/dev/fd/\(index + 3)" }

    /// `files` are named in `arguments` by `path`. A refusal of openssl is an answer; not to get one is an error.
    func run(_ arguments: [String], files: [Descriptor]) throws -> Answer {
        guard let program = program ?? Files.findProgram("openssl", path: nil) else {
            throw ImageListError(
                .toolFailed, "openssl, which verifies image lists, is not installed: apt-get install openssl")
        }
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let output = try Self.file("output")
        let error = try Self.file("error")
        // Of its own environment: SSL_CERT_DIR, OPENSSL_CONF and the like would change what is trusted.
        var child = ChildSpecification(
            program, arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
            descriptors: [null, output, error] + files)
        child.parentDeathSignal = SIGKILL
        let process = try ChildProcess.spawn(child)
        let status = try supervise(process, arguments[0], writing: [output, error] + files)
        return Answer(
            status: status,
            output: String(decoding: try Self.contents(of: output, limit: Self.textLimit), as: UTF8.self),
            error: String(decoding: try Self.contents(of: error, limit: Self.textLimit), as: UTF8.self))
    }

    private func supervise(_ process: ChildProcess, _ name: String, writing files: [Descriptor]) throws -> ExitStatus {
        let end = ContinuousClock.now.advanced(by: deadline)
        do {
            while try !Poll.wait(for: process.ended.raw, until: min(end, .now.advanced(by: .milliseconds(100)))) {
                guard try files.reduce(0, { try $0 + $1.size() }) <= Self.outputLimit else {
                    throw ImageListError(.tooLarge, "openssl \(name) wrote more than \(Self.outputLimit) bytes")
                }
                guard ContinuousClock.now < end else {
                    throw ImageListError(
                        .toolFailed,
                        "openssl \(name) did not end within \(deadline.components.seconds) s; try again, "
                            + "or look at the list with openssl by hand")
                }
            }
        } catch {
            process.signal(SIGKILL)
            _ = try process.wait()
            throw error
        }
        return try process.wait()
    }
}

extension OpenSSL.Answer {
    /// openssl's reasons in one line, without threads, sources and line numbers; for people only.
    var reasons: String {
        let lines = error.split(separator: "\n").compactMap { line -> String? in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count > 7, fields[1] == "error" {
                return ([fields[5]] + fields[8...]).filter { !$0.isEmpty }.joined(separator: ": ")
            }
            return line.hasPrefix("error ") && line.contains(" lookup: ") ? String(line) : nil
        }
        let text = lines.isEmpty ? String(error.suffix(300)) : lines.suffix(4).joined(separator: "; ")
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.isText ? $0 : " " }))
    }
}
