import Glibc
import Linux

/// The zstd tool, in a process of its own: what a stranger compressed may exhaust that, and nothing of ours.
struct Zstandard {
    private let program: String

    /// By measurement: Measurements.md, "Respins".
    private static let level = 19
    /// What a process may map, in KiB.
    private static let memory = 480 << 10
    private static let deadline = Duration.seconds(1800)

    /// Throws where the tool is not installed.
    init() throws {
        guard let program = Self.find() else {
            throw DistributionError(
                .unavailable, "deltas need the program zstd, which this host has not; install it: apt-get install zstd")
        }
        self.program = program
    }

    static var isInstalled: Bool { find() != nil }

    private static func find() -> String? { Files.findProgram("zstd", path: Host.variable("PATH")) }

    /// Writes `input`, compressed with `reference` at hand, to `output`. One version of the tool writes the same bytes always.
    func compress(_ input: String, reference: String?, to output: String) throws {
        // With threads the bytes would depend on their number.
        let work = try start(
            ["-q", "-f", "-\(Self.level)", "--single-thread"] + Self.patch(reference) + [input, "-o", output])
        try work.finish(within: Self.deadline) {}
    }

    /// Gives what `input` holds to `sink`, piece by piece; what that throws ends it.
    func expand(_ input: String, reference: String?, sink: ([UInt8]) throws -> Void) throws {
        let work = try start(["-q", "-d", "-c", "--memory=256MB"] + Self.patch(reference) + [input])
        try work.finish(within: Self.deadline) {
            let end = ContinuousClock.now.advanced(by: Self.deadline)
            while try Poll.wait(for: work.output.raw, until: end) {
                guard let piece = try work.output.read(upTo: 1 << 18), !piece.isEmpty else { return }
                try sink(piece)
            }
        }
    }

    private static func patch(_ reference: String?) -> [String] { reference.map { ["--patch-from=\($0)"] } ?? [] }

    /// One run of the tool. Its other end of `output` is the tool's alone, so that it ends with it.
    private struct Work {
        let process: ChildProcess
        let output: Descriptor
        let messages: Descriptor

        func finish(within deadline: Duration, _ body: () throws -> Void) throws {
            do {
                try body()
                guard try Poll.wait(for: process.ended.raw, until: .now.advanced(by: deadline)) else {
                    throw DistributionError(.unavailable, "zstd did not end within \(deadline)")
                }
            } catch {
                process.signal(SIGKILL)
                _ = try process.wait()
                throw error
            }
            let status = try process.wait()
            guard status == .exited(0) else {
                throw DistributionError(.refused, "zstd failed (\(status)): \(try text())")
            }
        }

        private func text() throws -> String {
            var bytes = [UInt8](repeating: 0, count: 500)
            let count = try bytes.withUnsafeMutableBytes { try messages.read(into: $0, at: 0) }
            return String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: \.isNewline)
                .joined(separator: "; ")
        }
    }

    private func start(_ arguments: [String]) throws -> Work {
        let (reading, writing) = try Descriptor.pipe()
        let messages = try Descriptor.memory(named: "zstd")
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var child = ChildSpecification(
            "/bin/sh", ["-c", "ulimit -v \(Self.memory); exec \"$0\" \"$@\"", program] + arguments,
            environment: ["LC_ALL=C.UTF-8"], descriptors: [null, writing, messages])
        // The signal follows the thread, and this one waits for the child.
        child.parentDeathSignal = SIGKILL
        return Work(process: try ChildProcess.spawn(child), output: reading, messages: messages)
    }
}
