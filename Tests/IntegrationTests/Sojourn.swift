import Foundation
import Linux
import StrictJSON
import Testing

/// The installed program under test, with a home whose images all tests share and machines of its own.
struct Sojourn {
    let program: String
    let home: URL

    /// Throws where the tests were not started by `make test`, which builds and installs what they run.
    static func installed() throws -> Sojourn {
        let environment = ProcessInfo.processInfo.environment
        let program = try #require(environment["SOJOURN_TEST_PROGRAM"], "run the tests by 'make test'")
        let home = try #require(environment["SOJOURN_TEST_HOME"], "run the tests by 'make test'")
        return Sojourn(program: program, home: URL(fileURLWithPath: home))
    }

    func with(program: String) -> Sojourn { Sojourn(program: program, home: home) }

    static var isLong: Bool { ProcessInfo.processInfo.environment["SOJOURN_TEST_LONG"] != nil }

    /// What a finished program leaves.
    struct Result {
        let status: Int32
        let output: String
        let error: String

        /// The record that `--json` writes as the last line of standard error.
        func record() throws -> JSONValue {
            let line = try #require(error.split(separator: "\n").last, "no record in: \(error)")
            return try StrictJSON.decode(JSONValue.self, from: Array(line.utf8), source: "record")
        }
    }

    /// Runs `sojourn` to its end; `input` is its whole standard input.
    func callAsFunction(
        _ arguments: [String], in directory: URL? = nil, input: String = "", environment: [String: String] = [:],
        deadline: Duration = .seconds(600)
    ) throws -> Result {
        let process = try start(arguments, in: directory, input: input, environment: environment)
        return try process.finish(within: deadline)
    }

    /// A `sojourn run` in a minimal system, isolated from the tests' own directory by one of its own.
    func run(
        _ options: [String], _ command: [String], in directory: URL, input: String = "",
        environment: [String: String] = [:]
    ) throws -> Result {
        try self(["run", "--json"] + options + ["--"] + command, in: directory, input: input, environment: environment)
    }

    func start(
        _ arguments: [String], in directory: URL? = nil, input: String? = "", environment: [String: String] = [:]
    ) throws -> Running {
        try Running(
            program: program, arguments: arguments, directory: directory, input: input,
            environment: ["SOJOURN_HOME": home.path].merging(environment) { $1 })
    }
}

/// A program under way; killed when the test is done with it.
///
/// Not Foundation's Process: that waits for all who inherited its descriptors, a daemon's included.
final class Running {
    private let process: ChildProcess
    private let directory: Scratch
    private let name: String
    private var input: Descriptor?
    private var ended: Linux.ExitStatus?

    init(program: String, arguments: [String], directory: URL?, input: String?, environment: [String: String]) throws {
        let scratch = try Scratch()
        self.directory = scratch
        name = ([program] + arguments).joined(separator: " ")
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (read, write) = try Descriptor.pipe()
        // Files, not pipes: a test that reads late must not stop the program.
        let streams = try ["out", "err"].map {
            try Descriptor.open("\(scratch.url.path)/\($0)", O_WRONLY | O_CREAT | O_APPEND)
        }
        var child = ChildSpecification(
            program, arguments, environment: variables.map { "\($0)=\($1)" },
            descriptors: [read, streams[0], streams[1]])
        child.directory = (directory ?? scratch.url).path
        process = try ChildProcess.spawn(child)
        self.input = write
        if let input {
            Signals.ignoreBrokenPipes()
            do { try write.write(input.utf8) } catch let error as SystemError where error.isBrokenPipe {}
            self.input = nil
        }
    }

    deinit {
        guard isRunning else { return }
        process.signal(SIGKILL)
        _ = try? process.wait()
    }

    var isRunning: Bool {
        if ended == nil { ended = process.reap() }
        return ended == nil
    }

    var pid: Int32 { process.pid }
    var output: String { directory.text("out") }
    var error: String { directory.text("err") }

    func send(_ text: String) throws { try input?.write(text.utf8) }

    func finish(within deadline: Duration = .seconds(600)) throws -> Sojourn.Result {
        try wait(deadline, "the end of \(name)") { !isRunning }
        let status: Int32 =
            switch ended {
            case .exited(let code): Int32(code)
            case .signalled(let number): -number
            case nil: Int32.min
            }
        return .init(status: status, output: output, error: error)
    }

    /// Waits until the payload has written `text`.
    func wait(for text: String, within deadline: Duration = .seconds(180)) throws {
        try wait(deadline, "'\(text)' from \(name)") { output.contains(text) || !isRunning }
        try #require(output.contains(text), "it ended with: \(output)\(error)")
    }

    private func wait(_ deadline: Duration, _ what: String, until condition: () -> Bool) throws {
        try eventually(deadline, "\(what); output: \(output.suffix(500)) error: \(error.suffix(500))", condition)
    }
}

/// Waits for a condition, looking often; a deadline passed fails the test with `what`.
func eventually(_ deadline: Duration, _ what: @autoclosure () -> String, _ condition: () throws -> Bool) throws {
    let end = ContinuousClock.now.advanced(by: deadline)
    while try !condition() {
        guard ContinuousClock.now < end else {
            throw Waited(message: "waited \(deadline) in vain for \(what())")
        }
        usleep(20_000)
    }
}

struct Waited: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}

/// A directory of one test, gone with it.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sojourn-test-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func text(_ name: String) -> String {
        String(decoding: (try? Data(contentsOf: url.appendingPathComponent(name))) ?? Data(), as: UTF8.self)
    }

    func write(_ text: String, to name: String, executable: Bool = false) throws {
        let file = url.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        if executable { chmod(file.path, 0o755) }
    }
}
