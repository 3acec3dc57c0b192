import Foundation
import Testing

/// An ordinary user of this host with subordinate users, as only its own processes know it: in a mount namespace with
/// other account files. It has a home with `os/debian12` and the tests' software, built by itself from exported inputs.
struct OrdinaryUser {
    static let number = 54321
    let sojourn: Sojourn
    let directory: URL
    /// What its build of the software printed.
    let software: Sojourn.Result

    /// Built once: it takes as long as a system does. The directory goes with the process.
    static let shared: Result<OrdinaryUser, any Error> = Result { try OrdinaryUser() }

    /// The other half of these is that the user is nobody's root.
    private static let oddities = [
        "LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "MASK": "077", "WRAPPED": "taskset -c 0",
    ]

    private init() throws {
        try #require(getuid() == 0, "this test becomes another user: run it as root")
        let shared = try Workshop()
        let url = try Workshop.makeCommonDirectory("user")
        for name in ["accounts", "home", "tmp", "inputs"] {
            try FileManager.default.createDirectory(
                at: url.appendingPathComponent(name), withIntermediateDirectories: true)
        }
        directory = url
        _ = try shared.ensure(Workshop.software)
        try shared.export(Workshop.software, to: "\(url.path)/inputs")
        let prefix = URL(fileURLWithPath: shared.sojourn.program).deletingLastPathComponent()
            .deletingLastPathComponent()
        try Workshop.run("/bin/cp", ["-a", prefix.path, "\(url.path)/prefix"])
        // Its other builds on the system then choose nothing.
        try Workshop.run("/bin/cp", ["-a", "\(shared.home)/locks", "\(url.path)/home/locks"])
        try Self.write(Self.wrapper(for: url.path), to: url.appendingPathComponent("as-user"))
        chmod("\(url.path)/as-user", 0o755)
        for (name, text) in try Self.accounts(home: "\(url.path)/tmp") {
            try Self.write(text, to: url.appendingPathComponent("accounts/\(name)"))
        }
        try Workshop.run("/bin/chown", ["-R", "\(Self.number):\(Self.number)", "home", "tmp", "inputs"], in: url)
        sojourn = Sojourn(program: "\(url.path)/as-user", home: url.appendingPathComponent("home"))
        software = try sojourn(
            [
                "image", "build", Workshop.software, "--no-check", "--lock", "../inputs/lock.json", "--inputs",
                "../inputs",
            ], in: url.appendingPathComponent("tmp"), environment: Self.oddities, deadline: .seconds(1800))
    }

    private static func write(_ text: String, to file: URL) throws { try Data(text.utf8).write(to: file) }

    private static func accounts(home: String) throws -> [(String, String)] {
        let lines = [
            ("passwd", "sojourn-test:x:\(number):\(number)::\(home):/bin/sh\n"),
            ("group", "sojourn-test:x:\(number):\n"),
            ("subuid", "sojourn-test:7000000:65536\n"), ("subgid", "sojourn-test:7000000:65536\n"),
        ]
        return try lines.map { name, line in
            let path = "/etc/\(name)"
            let own =
                FileManager.default.fileExists(atPath: path) ? try String(contentsOfFile: path, encoding: .utf8) : ""
            return (name, own + line)
        }
    }

    /// Stands for the program in tests: runs it as the user.
    private static func wrapper(for directory: String) -> String {
        """
        #!/bin/sh
        set -eu
        [ "${BECOME:-}" = user ] || BECOME=user exec unshare --mount "$0" "$@"
        for file in passwd group subuid subgid; do
            [ -e /etc/$file ] || : > /etc/$file
            mount --bind '\(directory)/accounts/'$file /etc/$file
        done
        export HOME='\(directory)/tmp'
        umask ${MASK:-022}
        exec setpriv --reuid=\(number) --regid=\(number) --clear-groups ${WRAPPED:-} '\(directory)/prefix/bin/sojourn' "$@"

        """
    }
}
