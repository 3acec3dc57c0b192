import Foundation
import Testing

/// What an image must not hold is refused, each by its path, and what is known to be rubbish is taken away.
@Suite struct FactoryCleanlinessTests {
    private static let name = "test/clean:1@debian12"
    let workshop: Workshop

    init() throws { workshop = try Workshop() }

    private func recipe(_ script: String, _ text: String = "") throws -> String {
        let lines = script.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        return try workshop.recipe(Self.name, "\(text)\nbuild:\n  - |\n\(lines)")
    }

    /// Each with what makes it and what is said of it.
    private static let dirt: [(path: String, script: String, says: String)] = [
        ("/opt/key.pem", "", "a private key"),
        ("/opt/rsa.pem", "", "a private key"),
        ("/root/.ssh/id_rsa", "cp /opt/rsa.pem $1", "a private key"),
        ("/etc/shadow", "echo 'someone:$6$salt$hash:1:0:99999:7:::' >> $1", "password"),
        ("/etc/passwd", "echo 'open::1:1::/:/bin/sh' >> $1", "password"),
        ("/usr/local/bin/suid", "cp /bin/true $1; chmod 4755 $1", "set-user-ID"),
        ("/usr/local/bin/sgid", "cp /bin/true $1; chmod 2755 $1", "set-group-ID"),
        ("/usr/local/bin/capable", capable, "capabilities"),
        ("/opt/open", "mkdir $1; chmod 777 $1", "everybody"),
        ("/opt/writable", "echo x > $1; chmod 666 $1", "everybody may write"),
        ("/root/.netrc", "mkdir -p /root; echo 'machine a login b password c' > $1", "passwords"),
        ("/root/.git-credentials", "echo https://a:b@c > $1", "passwords"),
        ("/opt/bt_u1000", "echo token > $1", "token"),
        ("/opt/x509up_u0", "echo proxy > $1", "proxy"),
        ("/opt/pipe.keytab.p12", "echo store > $1", "keys"),
    ]

    /// The base has no setcap: the attribute as vfs_cap_data (linux/capability.h) has it, revision 2, CAP_NET_BIND_SERVICE.
    private static let capable = """
        cp /bin/true $1; perl -e 'my ($f, $n) = ($ARGV[0], "security.capability"); \
        my $d = pack("V5", 0x02000001, 1 << 10, 0, 0, 0); syscall(188, $f, $n, $d, 20, 0) == 0 or die "$!"' $1
        """

    @Test func everythingThatIsNotCleanIsRefusedByItsPath() throws {
        try workshop.shell(
            """
            openssl genpkey -algorithm ed25519 -out key.pem 2>&-
            openssl genrsa -traditional -out rsa.pem 2048 2>&-
            """)
        let script = Self.dirt.filter { !$0.script.isEmpty }.map { item in
            "dirt() { \(item.script); }\nmkdir -p $(dirname \(item.path)); dirt \(item.path)"
        }
        let recipe = try recipe(
            script.joined(separator: "\n"),
            "files: [{path: /opt/key.pem, from: key.pem}, {path: /opt/rsa.pem, from: rsa.pem, mode: '0600'}]")
        let result = try workshop.build(recipe)
        #expect(result.status == 1)
        let lines = result.error.split(separator: "\n")
        for item in Self.dirt {
            #expect(
                lines.contains { $0.hasPrefix("  \(item.path): ") && $0.contains(item.says) },
                "\(item.path) in: \(result.error)")
        }
        #expect(result.error.contains("\(Self.dirt.count) findings"), "\(result.error)")
        let shown = try workshop.sojourn(["image", "list"])
        #expect(!shown.output.contains(Self.name))
        try workshop.expectNothingHalfDone()
    }

    @Test func whatTheRecipePermitsPasses() throws {
        try workshop.shell("openssl genpkey -algorithm ed25519 -out key.pem 2>&-")
        let recipe = try recipe(
            """
            cp /bin/true /usr/local/bin/suid; chmod 4755 /usr/local/bin/suid
            capable() { \(Self.capable); }
            capable /usr/local/bin/capable
            """,
            """
            files: [{path: /opt/tests/deep/key.pem, from: key.pem}]
            permit:
              setUserID: [/usr/local/bin/suid]
              capabilities: [/usr/local/bin/capable]
              secrets: [/opt/tests/**]
            """)
        try workshop.built(recipe)
        let output = try workshop.run(
            Self.name,
            """
            stat -c %a /usr/local/bin/suid; head -n 1 /opt/tests/deep/key.pem
            perl -e 'my ($f, $n, $d) = ("/usr/local/bin/capable", "security.capability", "x" x 99);
                print syscall(191, $f, $n, $d, 99), "\\n"'
            """)
        #expect(output == "4755\n-----BEGIN PRIVATE KEY-----\n20\n")
    }

    @Test func rubbishAndIdentitiesAreTakenAwayUnasked() throws {
        let recipe = try recipe(
            """
            echo 0123456789abcdef0123456789abcdef > /etc/machine-id
            mkdir -p /var/lib/dbus /etc/ssh; cp /etc/machine-id /var/lib/dbus/machine-id
            echo secret > /etc/ssh/ssh_host_ed25519_key
            echo build-host > /etc/hostname; echo nameserver 192.0.2.1 > /etc/resolv.conf
            mkdir -p /var/cache/apt/archives; echo deb > /var/cache/apt/archives/x.deb
            mkdir -p /root/.cache/pip; echo x > /root/.cache/pip/x; echo log > /var/log/build.log
            echo x > /tmp/x; echo x > /var/tmp/x; echo kept > /opt/kept
            """)
        try workshop.built(recipe)
        let files = try workshop.sojourn(["image", "show", Self.name, "--files"]).output
        for path in ["ssh_host", "/etc/hostname", "/etc/resolv.conf", "x.deb", "/root/.cache", "build.log", "/tmp/x"] {
            #expect(!files.contains(path), "\(path)")
        }
        #expect(files.contains("/opt/kept"))
        let machine =
            "cat /etc/machine-id | tr -d '0-9a-f\\n'; grep -c 0123456789abcdef0123456789abcdef /etc/machine-id || :"
        #expect(try workshop.run(Self.name, machine) == "0\n")
    }
}
