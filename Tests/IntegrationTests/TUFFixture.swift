import Foundation
import Glibc
import Linux
import Testing

/// The server of `tuf-repository.py`, one for all tests: making its keys takes longer than most of them.
final class TUFServer {
    private let process: ChildProcess
    private let input: Descriptor
    private let output: Descriptor
    private let log: Scratch
    private var waiting: [UInt8] = []
    private(set) var port = 0

    private init() throws {
        let variables = ProcessInfo.processInfo.environment
        let python = try #require(variables["SOJOURN_TEST_PYTHON"], "run the tests by 'make test'")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Scripts/test-tools/tuf-repository.py")
        let (commands, input) = try Descriptor.pipe()
        let (output, answers) = try Descriptor.pipe()
        log = try Scratch()
        let errors = try Descriptor.open("\(log.url.path)/err", O_WRONLY | O_CREAT | O_APPEND)
        // It ends with its standard input, which closes when the tests end.
        process = try ChildProcess.spawn(
            ChildSpecification(
                python, ["-u", script.path],
                environment: variables.map { "\($0)=\($1)" } + ["PYTHONDONTWRITEBYTECODE=1"],
                descriptors: [commands, answers, errors]))
        (self.input, self.output) = (input, output)
        port = try #require(Int(try line()), "no port: \(log.text("err"))")
    }

    nonisolated(unsafe) private static var started: TUFServer?

    static func shared() throws -> TUFServer {
        if let started { return started }
        let server = try TUFServer()
        started = server
        return server
    }

    /// Does all of these; the last one's answer.
    @discardableResult
    func obey(_ commands: [[String: Any]]) throws -> Any? {
        try input.write(try JSONSerialization.data(withJSONObject: commands) + Data("\n".utf8))
        let answer = try JSONSerialization.jsonObject(with: Data(try line().utf8)) as? [String: Any]
        let fault = answer?["error"] as? String
        try #require(fault == nil, "\(commands): \(fault ?? "")")
        return answer?["ok"]
    }

    private func line() throws -> String {
        while true {
            if let end = waiting.firstIndex(of: UInt8(ascii: "\n")) {
                defer { waiting.removeFirst(end + 1) }
                return String(decoding: waiting[..<end], as: UTF8.self)
            }
            var event = pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0)
            try #require(poll(&event, 1, 60_000) > 0, "no answer in a minute: \(log.text("err"))")
            let piece = try output.read(upTo: 1 << 16) ?? []
            try #require(!piece.isEmpty, "it ended: \(log.text("err"))")
            waiting += piece
        }
    }
}

/// A repository of that server, at first with its four top-level roles in version 1.
struct TUFRepository {
    let server: TUFServer
    let name = "r\(UInt64.random(in: 0 ... .max))"

    init(_ options: [String: Any] = [:]) throws {
        server = try .shared()
        try self("new", options)
    }

    @discardableResult
    func callAsFunction(_ command: String, _ arguments: [String: Any] = [:]) throws -> Any? {
        try server.obey([arguments.merging(["do": command, "repo": name]) { $1 }])
    }

    var url: String { "http://127.0.0.1:\(server.port)/\(name)" }

    /// New versions of roles, of all where none are named.
    func publish(_ roles: [String]? = nil, deed: String? = nil, of role: String? = nil) throws {
        var arguments: [String: Any] = [:]
        arguments["roles"] = roles
        arguments["deed"] = deed
        arguments["role"] = role
        try self("publish", arguments)
    }

    func delegate(
        _ role: String, by delegator: String = "targets", paths: [String]? = ["*"], prefixes: [String]? = nil,
        terminating: Bool = false
    ) throws {
        var arguments: [String: Any] = ["name": role, "by": delegator, "terminating": terminating]
        arguments["paths"] = paths
        arguments["prefixes"] = prefixes
        try self("delegate", arguments)
    }

    /// `served`: what is served in its place.
    func target(_ path: String, _ content: String, in role: String = "targets", served: String? = nil) throws {
        var arguments: [String: Any] = ["role": role, "path": path, "content": content]
        arguments["served"] = served
        try self("target", arguments)
    }

    func appoint(_ role: String, count: Int, threshold: Int, keeping: Int = 0) throws {
        try self("appoint", ["role": role, "count": count, "threshold": threshold, "keep": keeping])
    }

    /// A served file.
    func text(_ name: String) throws -> String { try #require(try self("text", ["name": name]) as? String) }

    /// What was asked for since the last call.
    func asked() throws -> [String] { try #require(try self("asked") as? [String]) }

    /// Under which name a target is served.
    func served(_ path: String) throws -> String { try #require(try self("served", ["path": path]) as? String) }

    /// Lets its clock go on.
    func wait(days: Int) throws -> String { try #require(try self("wait", ["days": days]) as? String) }
}

/// A client of a repository: the real program, with directories of its own and a clock that is told.
struct TUFClient {
    let repository: TUFRepository
    let place: Scratch
    private let program: String

    /// Trusts the repository's first root.
    init(_ repository: TUFRepository) throws {
        self.repository = repository
        place = try Scratch()
        program = try Self.program()
        try repository("write", ["name": "metadata/1.root.json", "path": "\(place.url.path)/root.json"])
        try FileManager.default.createDirectory(at: oracle, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: place.url.appendingPathComponent("root.json"), to: oracle.appendingPathComponent("root.json"))
        let result = try initialise()
        try #require(result.status == 0, "\(result.error)")
    }

    static func program() throws -> String {
        URL(fileURLWithPath: try Sojourn.installed().program).deletingLastPathComponent()
            .appendingPathComponent("sojourn-tuf").path
    }

    var metadata: URL { place.url.appendingPathComponent("metadata") }
    var targets: URL { place.url.appendingPathComponent("targets") }
    /// What python-tuf's client keeps of the same repository.
    var oracle: URL { place.url.appendingPathComponent("oracle") }

    func initialise(_ root: String? = nil) throws -> Sojourn.Result {
        try run(["--metadata-dir", metadata.path, "init", root ?? "\(place.url.path)/root.json"], at: nil)
    }

    func refresh(at time: String? = beginning) throws -> Sojourn.Result { try run(refreshing, at: time) }

    /// Refreshes, then fetches targets.
    func download(_ paths: String..., at time: String? = beginning) throws -> Sojourn.Result {
        try run(downloading(paths), at: time)
    }

    func start(_ arguments: [String], at time: String? = beginning) throws -> Running {
        try Running(
            program: program, arguments: arguments, directory: place.url, input: "",
            environment: Self.environment(at: time))
    }

    var refreshing: [String] {
        ["--metadata-dir", metadata.path, "--metadata-url", "\(repository.url)/metadata", "refresh"]
    }

    func downloading(_ paths: [String]) -> [String] {
        Array(refreshing.dropLast()) + paths.flatMap { ["--target-name", $0] }
            + ["--target-base-url", "\(repository.url)/targets", "--target-dir", targets.path, "download"]
    }

    private func run(_ arguments: [String], at time: String?) throws -> Sojourn.Result {
        try start(arguments, at: time).finish(within: .seconds(120))
    }

    /// Where the repository's clock begins.
    static let beginning = "2030-01-01 12:00:30"

    /// Of a program whose clock begins at that time.
    static func environment(at time: String?) throws -> [String: String] {
        var variables = ["http_proxy": "", "HTTP_PROXY": ""]
        guard let time else { return variables }
        let libraries = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib")
        let library = libraries.map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }
            .first(where: FileManager.default.fileExists(atPath:))
        let preloaded: String = try #require(library, "apt-get install libfaketime")
        variables["LD_PRELOAD"] = preloaded
        variables["FAKETIME"] = "@\(time)"
        variables["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        // Else the library sets it itself, and where a library that is loaded first calls setenv, Swift 6.3 no longer
        // finds the arguments on the stack (seen with libfaketime 0.9.10).
        variables["FAKETIME_SHARED"] = "/none /none"
        variables["TZ"] = "UTC"
        return variables
    }

    /// Kills it; true where it had not ended before.
    func kill(_ running: Running) throws -> Bool {
        Glibc.kill(running.pid, SIGKILL)
        let wasKilled = try running.finish(within: .seconds(10)).status == -SIGKILL
        // libfaketime, which removes them in the end, refuses the next process of this number where they are there.
        for name in ["faketime_shm", "sem.faketime_sem"] { unlink("/dev/shm/\(name)_\(running.pid)") }
        return wasKilled
    }

    /// What python-tuf says of the same files at the repository's time: nothing, or why not.
    func oracleRefusal(_ paths: [String] = []) throws -> String {
        try #require(try repository("oracle", ["directory": oracle.path, "targets": paths]) as? String)
    }

    /// The metadata that is kept, by file name, without the history of roots.
    func state() throws -> [String: String] {
        try FileManager.default.contentsOfDirectory(atPath: metadata.path).filter { $0.hasSuffix(".json") }
            .reduce(into: [:]) { $0[$1] = try text($1) }
    }

    func text(_ name: String) throws -> String {
        try String(contentsOf: metadata.appendingPathComponent(name), encoding: .utf8)
    }

    /// The content of targets, by file name.
    func artifacts() throws -> [String: String] {
        guard FileManager.default.fileExists(atPath: targets.path) else { return [:] }
        return try FileManager.default.contentsOfDirectory(atPath: targets.path).reduce(into: [:]) {
            $0[$1] = try String(contentsOf: targets.appendingPathComponent($1), encoding: .utf8)
        }
    }
}

extension Sojourn.Result {
    func expectDone(_ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) {
        #expect(status == 0, "\(comment.map { "\($0): " } ?? "")\(error)", sourceLocation: location)
    }

    /// Refused, in these words.
    func expectRefusal(_ words: String, at location: SourceLocation = #_sourceLocation) {
        #expect(status == 1, "\(error)", sourceLocation: location)
        #expect(error.contains(words), "\(error)", sourceLocation: location)
    }
}
