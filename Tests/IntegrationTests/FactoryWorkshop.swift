import Foundation
import StrictJSON
import Testing

/// Where a test writes recipes and builds them: a directory of its own and a home.
struct Workshop {
    let sojourn: Sojourn
    let place: Scratch
    /// Gone with the workshop; nil where the home is the one that all tests share.
    private let ownHome: Scratch?

    /// In the home that all tests share. What stands on `os/debian12` needs no network there.
    init() throws {
        sojourn = try .installed()
        place = try Scratch()
        ownHome = nil
        try Self.swept.get()
        _ = try Self.ensure("os/debian12", sojourn)
    }

    /// Images of tests that ran before are not wanted any more.
    private static let swept: Result<Void, any Error> = Result {
        let sojourn = try Sojourn.installed()
        let listed = try sojourn(["image", "list", "--json"]).output
        let images = try StrictJSON.decode(JSONValue.self, from: Array(listed.utf8), source: "image list").array ?? []
        for image in images where image["name"]?.string?.hasPrefix("test/") == true {
            _ = try sojourn(["image", "remove", image["digest"]?.string ?? ""])
        }
    }

    /// An ordinary user's, in the home that this user has.
    init(_ user: OrdinaryUser) throws {
        sojourn = user.sojourn
        place = try Scratch()
        ownHome = nil
        chown(place.url.path, uid_t(OrdinaryUser.number), gid_t(OrdinaryUser.number))
    }

    private init(_ sojourn: Sojourn, home: Scratch) throws {
        self.sojourn = Sojourn(program: sojourn.program, home: home.url)
        place = try Scratch()
        ownHome = home
    }

    /// In a home of its own that has these parts of the shared one, by hard links: what is in a home is replaced, never
    /// changed.
    static func apart(with parts: [String] = ["images", "inputs", "keys", "locks", "home.json"]) throws -> Workshop {
        let shared = try Workshop().sojourn
        let home = try Scratch()
        if !parts.isEmpty {
            try run("/bin/cp", ["-al"] + parts.map { "\(shared.home.path)/\($0)" } + [home.url.path])
        }
        return try Workshop(shared, home: home)
    }

    /// Software on a system, of packages and a wheel.
    static let software = "lhc/pythia8:8.317.2@debian12"

    var home: String { sojourn.home.path }
    var directory: String { place.url.path }
    func path(_ name: String) -> String { "\(directory)/\(name)" }

    // MARK: Building

    /// Makes every recipe of this process new to the home, which then follows no lock of a run before.
    private static let mark = "# tests of \(UUID())"

    /// Writes a recipe, and returns its path.
    @discardableResult
    func recipe(_ name: String, on system: String = "os/debian12", file: String = "recipe.yaml", _ text: String = "")
        throws -> String
    {
        try place.write("name: \(name)\non: \(system)\n\(text)\n\(Self.mark)\n", to: file)
        return path(file)
    }

    func build(_ recipe: String, _ options: [String] = [], checked: Bool = false, deadline: Duration = .seconds(900))
        throws -> Sojourn.Result
    {
        try sojourn(
            ["image", "build", recipe] + (checked ? [] : ["--no-check"]) + options, in: place.url, deadline: deadline)
    }

    /// The digest of what was built, which is all that standard output has.
    @discardableResult
    func built(_ recipe: String, _ options: [String] = [], checked: Bool = false) throws -> String {
        try Self.digest(try build(recipe, options, checked: checked))
    }

    /// Expects a refusal that says all of these.
    func refused(_ recipe: String, _ options: [String] = [], saying words: String...) throws {
        let result = try build(recipe, options)
        #expect(result.status == 1, "\(result.output)\(result.error)")
        #expect(result.output == "")
        for word in words { #expect(result.error.contains(word), "'\(word)' is not in: \(result.error)") }
    }

    static func digest(_ result: Sojourn.Result) throws -> String {
        try #require(result.status == 0, "\(result.error)")
        let line = String(result.output.dropLast())
        let hex = line.dropFirst("sha256:".count)
        try #require(line.hasPrefix("sha256:") && result.output.hasSuffix("\n"), "\(result.output)")
        try #require(hex.count == 64 && hex.allSatisfy { "0123456789abcdef".contains($0) }, "\(result.output)")
        return line
    }

    /// The digest of an environment's image in the shared home, built and checked on first use.
    static func ensure(_ environment: String, _ sojourn: Sojourn) throws -> String {
        try digest(sojourn(["image", "build", environment], deadline: .seconds(1800)))
    }

    func ensure(_ environment: String) throws -> String { try Self.ensure(environment, sojourn) }

    // MARK: Looking at what was built

    func show(_ reference: String, _ options: String...) throws -> JSONValue {
        let shown = try sojourn(["image", "show", reference, "--json"] + options)
        try #require(shown.status == 0, "\(shown.error)")
        return try StrictJSON.decode(JSONValue.self, from: Array(shown.output.utf8), source: "image show")
    }

    func json(_ path: String) throws -> JSONValue {
        let data = try #require(FileManager.default.contents(atPath: path), "\(path)")
        return try StrictJSON.decode(JSONValue.self, from: Array(data), source: path)
    }

    func blob(_ digest: String) -> String { "\(home)/images/blobs/sha256/\(digest.dropFirst(7))" }

    func layers(_ reference: String) throws -> [String] {
        try #require(try show(reference)["layers"]?.array).compactMap { $0["digest"]?.string }
    }

    /// Runs `command` (for sh) in a machine of an environment, and returns its output.
    func run(_ environment: String, _ command: String) throws -> String {
        let result = try sojourn.run(["--env", environment], ["sh", "-c", command], in: place.url)
        try #require(result.status == 0, "\(result.error)")
        return result.output
    }

    func list(_ part: String) throws -> [String] {
        let directory = "\(home)/\(part)"
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    /// What builds must not leave: their directories, and files that are not whole.
    func expectNothingHalfDone() throws {
        #expect(try list("cache").filter { $0.hasPrefix("build-") || $0.hasPrefix("spdx-") } == [])
        for part in ["images", "images/blobs/sha256", "inputs/sha256", "locks"] {
            #expect(try list(part).filter { $0.contains(".tmp") || $0.contains(".new") } == [], "\(part)")
        }
    }

    /// What was written by the steps of a build.
    func log(_ name: String) throws -> String {
        let file = name.replacing("/", with: "~").replacing(":", with: "=")
        return try String(contentsOfFile: "\(home)/cache/logs/\(file).log", encoding: .utf8)
    }

    func export(_ reference: String, to directory: String) throws {
        let result = try sojourn(["image", "export", reference, "--inputs", directory])
        try #require(result.status == 0, "\(result.error)")
    }

    // MARK: What several tests share

    private static let common: Result<URL, any Error> = Result {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sojourn-test-common-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        atexit { Workshop.removeCommon() }
        return url
    }

    /// A directory that is gone with the process.
    static func makeCommonDirectory(_ name: String) throws -> URL {
        let url = try common.get().appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    private static func removeCommon() {
        do { try FileManager.default.removeItem(at: common.get()) } catch { print(error) }
    }

    // MARK: Tools

    /// Runs a program to its end, which must be a good one; returns its output.
    @discardableResult
    static func run(_ program: String, _ arguments: [String], in directory: URL? = nil) throws -> String {
        let result = try tool(program, arguments, in: directory)
        try #require(result.status == 0, "\(program) \(arguments): \(result.error)")
        return result.output
    }

    static func tool(
        _ program: String, _ arguments: [String], in directory: URL? = nil, environment: [String: String] = [:]
    ) throws -> Sojourn.Result {
        try Running(program: program, arguments: arguments, directory: directory, input: "", environment: environment)
            .finish(within: .seconds(900))
    }

    /// Runs a script of sh in the workshop's directory.
    @discardableResult
    func shell(_ script: String) throws -> String {
        try Self.run("/bin/sh", ["-euc", script], in: place.url)
    }
}

extension Workshop {
    /// The files of what is said about an image: of an artifact type, for envelopes of a predicate type.
    func referrers(of digest: String, _ type: String) throws -> [String] {
        let tag = "sha256-\(digest.dropFirst(7))"
        let index = try json("\(home)/images/index.json")
        let entry = index["manifests"]?.array?.first {
            $0["annotations"]?["org.opencontainers.image.ref.name"]?.string == tag
        }
        let list = try json(blob(try #require(entry?["digest"]?.string, "nothing refers to \(digest)")))
        let found = (list["manifests"]?.array ?? []).filter {
            $0["artifactType"]?.string == type || $0["annotations"]?["in-toto.io/predicate-type"]?.string == type
        }
        return try found.map { entry in
            let manifest = try json(blob(try #require(entry["digest"]?.string)))
            return blob(try #require(manifest["layers"]?[0]?["digest"]?.string))
        }
    }

    /// The newest of its type.
    func referrer(of digest: String, _ type: String) throws -> String {
        let found = try referrers(of: digest, type)
        return try #require(found.last, "none of type \(type)")
    }
}
