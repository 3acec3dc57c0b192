import Foundation
import Testing

/// What `make install` leaves, and who can use it.
@Suite struct InstallationTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private var prefix: URL {
        URL(fileURLWithPath: sojourn.program).deletingLastPathComponent().deletingLastPathComponent()
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: prefix.appendingPathComponent(path), encoding: .utf8)
    }

    @Test func everythingIsInstalled() throws {
        for shell in [
            "bash-completion/completions/sojourn", "zsh/site-functions/_sojourn",
            "fish/vendor_completions.d/sojourn.fish",
        ] {
            #expect(try text("share/\(shell)").contains("isolated"))
        }
        let page = try text("share/man/man1/sojourn-run.1")
        #expect(page.contains(".SH EXIT STATUS"))
        #expect(page.contains("isolated"))
        for recipe in ["debian11", "debian12", "debian13", "kernel-debian12", "pythia8-8.317.2"] {
            #expect(try text("share/sojourn/recipes/\(recipe).yaml").contains("name:"))
        }
        #expect(FileManager.default.isExecutableFile(atPath: prefix.path + "/libexec/sojourn/sojourn-guest"))
    }

    @Test func theMachineRunsWithoutThePartsOfABuild() throws {
        // Neither the sources' directory nor the build's is needed: the program stands alone.
        let copy = try copyInstallation()
        let result = try sojourn.with(program: copy).run(["--os", "debian12"], ["echo", "stands"], in: directory.url)
        #expect(result.output == "stands\n", "\(result.error)")
    }

    /// No root, no daemon: an ordinary user with a group more.
    @Test func anOrdinaryUserRunsMachinesAndNestsContainers() throws {
        try #require(getuid() == 0, "this test becomes another user: run it as root")
        let program = try copyInstallation()
        let home = directory.url.appendingPathComponent("home")
        let job = directory.url.appendingPathComponent("job")
        for place in [home, job] {
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        }
        for name in ["images", "home.json"] {
            try FileManager.default.copyItem(
                at: sojourn.home.appendingPathComponent(name), to: home.appendingPathComponent(name))
        }
        let owned = try Running(
            program: "/bin/chown", arguments: ["-R", "54321:54322", home.path, job.path], directory: nil, input: "",
            environment: [:]
        ).finish()
        try #require(owned.status == 0)
        let command = "id -u; id -g; id -G; echo mine > made; unshare -Ur id -u; grep CapEff /proc/self/status"
        let user = try Running(
            program: "/usr/bin/setpriv",
            arguments: [
                "--reuid=54321", "--regid=54322", "--groups=54322,54323", program, "run", "--home", home.path, "--os",
                "debian12", "--", "sh", "-c", command,
            ], directory: job, input: "", environment: ["HOME": job.path])
        let result = try user.finish()
        #expect(
            result.output == "54321\n54322\n54322 54323\n0\nCapEff:\t0000000000000000\n", "\(result.error)")
        let made = try FileManager.default.attributesOfItem(atPath: job.appendingPathComponent("made").path)
        #expect(made[.ownerAccountID] as? Int == 54321)
        #expect(made[.groupOwnerAccountID] as? Int == 54322)
    }

    private func copyInstallation() throws -> String {
        let copy = directory.url.appendingPathComponent("prefix")
        try FileManager.default.copyItem(at: prefix, to: copy)
        return copy.appendingPathComponent("bin/sojourn").path
    }
}
