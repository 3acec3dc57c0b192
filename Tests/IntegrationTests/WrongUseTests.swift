import Foundation
import StrictJSON
import Testing

/// What people get wrong, and what hosts lack: each with its message and its status, before anything is started.
@Suite struct WrongUseTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private func expect(_ arguments: [String], status: Int32, says words: String..., in place: URL? = nil) throws {
        let result = try sojourn(arguments, in: place ?? directory.url)
        #expect(result.status == status, "\(arguments): \(result.error)")
        for word in words { #expect(result.error.contains(word), "\(arguments) said: \(result.error)") }
        #expect(result.output == "")
    }

    @Test func anUnknownEnvironmentIsOfferedTheNearestNames() throws {
        try expect(
            ["run", "--env", "lhc/pythia:8.317.2@debian12", "--", "true"], status: 125,
            says: "lhc/pythia8:8.317.2@debian12")
        try expect(["run", "--os", "debain12", "--", "true"], status: 125, says: "os/debian12")
    }

    @Test func aCommandThatIsNotThere() throws {
        try expect(["run", "--os", "debian12", "--", "nosuch"], status: 127, says: "nosuch", "command-not-found")
        try expect(["run", "--os", "debian12", "--", "./nosuch"], status: 127, says: "nosuch")
    }

    @Test func aCommandThatCannotBeRun() throws {
        try directory.write("not a program", to: "data")
        try expect(
            ["run", "--os", "debian12", "--", "./data"], status: 126, says: "Permission denied", "not-executable")
        try expect(["run", "--os", "debian12", "--", "/etc"], status: 126, says: "/etc")
    }

    @Test func anOptionOfRegistriesIsNotTakenSilentlyElsewhere() throws {
        try expect(["image", "pull", "os/debian12", "--insecure"], status: 2, says: "oci://")
        try expect(
            ["catalogue", "collect", "rebuilt.json", "--catalogue", "here", "--insecure"], status: 2, says: "oci://")
    }

    @Test func moreThanTheHostHas() throws {
        try expect(["run", "--os", "debian12", "--cores", "5000", "--", "true"], status: 125, says: "cores")
        try expect(["run", "--os", "debian12", "--cores", "999", "--", "true"], status: 125, says: "this host has")
        try expect(["run", "--os", "debian12", "--memory", "99TiB", "--", "true"], status: 125, says: "this host has")
    }

    @Test func nonsenseIsNamed() throws {
        try expect(["run", "--os", "debian12", "--memory", "much", "--", "true"], status: 125, says: "'much'", "1GiB")
        try expect(["run", "--os", "debian12", "--memory", "1MiB", "--", "true"], status: 125, says: "128MiB")
        try expect(["run", "--os", "debian12", "--wall", "soon", "--", "true"], status: 125, says: "'soon'")
        try expect(["run", "--os", "debian12", "--cores", "4-1", "--", "true"], status: 125, says: "upside down")
        try expect(["run", "--os", "debian12", "--setenv", "NAME", "--", "true"], status: 125, says: "NAME=VALUE")
        try expect(["run", "--os", "debian12"], status: 125, says: "no command")
        try expect(["run", "--", "true"], status: 125, says: "--os")
        try expect(["run", "--os", "debian12", "--env", "@debian12", "--", "true"], status: 125, says: "one of them")
        try expect(["run", "--os", "debian12", "--in", "x", "--", "true"], status: 125, says: "--isolated")
        try expect(
            ["run", "--os", "debian12", "--isolated", "--in", "../x", "--", "true"], status: 125, says: "within")
        try expect(
            ["run", "--os", "debian12", "--isolated", "--in", "nosuch", "--", "true"], status: 125, says: "nosuch")
        try expect(["bogus"], status: 2, says: "bogus")
    }

    @Test(arguments: [
        ["--help"], ["-h"], ["run", "--help"], ["run", "--os", "debian12", "-h"], ["help", "run"], ["image", "--help"],
    ])
    func helpIsGivenOnStandardOutput(_ arguments: [String]) throws {
        let result = try sojourn(arguments, in: directory.url)
        #expect(result.status == 0)
        #expect(result.output.contains("USAGE: sojourn"))
        #expect(result.error == "")
    }

    @Test func aMistypedOptionIsNoCommand() throws {
        try expect(
            ["run", "--os", "debian12", "--corse", "2", "--", "true"], status: 125, says: "unknown option '--corse'")
        try expect(
            ["run", "--corse", "2", "--os", "debian12", "--", "true"], status: 125, says: "unknown option '--corse'")
    }

    @Test func sharesThatWouldHideTheSystem() throws {
        try expect(
            ["run", "--os", "debian12", "--bind", "\(directory.url.path):/usr", "--", "true"], status: 125, says: "/usr"
        )
        try expect(["run", "--os", "debian12", "--bind", "/nosuch:/x", "--", "true"], status: 125, says: "/nosuch")
        try expect(["run", "--os", "debian12", "--bind", "/tmp:x", "--", "true"], status: 125, says: "absolute")
        try expect(
            ["run", "--os", "debian12", "--", "true"], status: 125, says: "--isolated", in: URL(fileURLWithPath: "/usr")
        )
    }

    @Test(arguments: [
        ("/usr/bin/qemu-system-x86_64", "debian12", "apt-get install qemu-system-x86"),
        ("/usr/lib/qemu/virtiofsd", "debian12", "apt-get install"),
        ("/usr/bin/mmdebstrap", "fresh", "apt-get install mmdebstrap"),
    ])
    func aProgramThatTheHostLacks(_ program: String, _ home: String, _ remedy: String) throws {
        // A file that cannot be run hides the real one, for this shell alone.
        let script = """
            mount --bind /dev/null \(program) || exit 99
            exec '\(sojourn.program)' run --os debian12 -- true
            """
        let fresh = try Scratch()
        let shell = try Running(
            program: "/usr/bin/unshare", arguments: ["--mount", "sh", "-c", script], directory: directory.url,
            input: "",
            environment: ["SOJOURN_HOME": home == "fresh" ? fresh.url.path : sojourn.home.path])
        let result = try shell.finish()
        #expect(result.status == 125, "\(result.error)")
        #expect(result.error.contains(remedy))
    }

    @Test func aCorruptedBlobIsFoundWhenAMachineReadsIt() throws {
        let copy = try Scratch()
        let home = copy.url.appendingPathComponent("home")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        for name in ["images", "home.json", "cache"] {
            let source = sojourn.home.appendingPathComponent(name)
            try FileManager.default.copyItem(at: source, to: home.appendingPathComponent(name))
        }
        let blobs = home.appendingPathComponent("images/blobs/sha256")
        let shown = try sojourn(["image", "show", "os/debian12", "--json"])
        let image = try StrictJSON.decode(JSONValue.self, from: Array(shown.output.utf8), source: "image show")
        let digest = try #require(image["layers"]?[0]?["digest"]?.string)
        let broken = blobs.appendingPathComponent(String(digest.dropFirst(7)))
        chmod(broken.path, 0o644)
        let file = try FileHandle(forUpdating: broken)
        try file.seek(toOffset: 9_000_000)
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: 9_000_000)
        try file.write(contentsOf: Data([byte ^ 1]))
        try file.close()
        let verification = try sojourn(["image", "verify", "--home", home.path], in: directory.url)
        #expect(verification.status == 1)
        #expect((verification.output + verification.error).contains(digest))
        let scrub = try sojourn(["image", "scrub", "--json", "--home", home.path], in: directory.url)
        let found = try StrictJSON.decode(JSONValue.self, from: Array(scrub.output.utf8), source: "image scrub")
        #expect(scrub.status == 1 && found["damaged"]?[0]?["digest"]?.string == digest, "\(scrub)")
        #expect(found["damaged"]?[0]?["fault"]?.string?.contains("no place") == true, "\(found)")
        // The block is found when it is read, whatever the command returns.
        let reading = ["--", "sh", "-c", "tar -C / -cf - usr | cat >/dev/null; exit 0"]
        let result = try sojourn(["run", "--home", home.path, "--os", "debian12"] + reading, in: directory.url)
        #expect(result.status == 125)
        #expect(result.error.contains(digest))
    }
}
