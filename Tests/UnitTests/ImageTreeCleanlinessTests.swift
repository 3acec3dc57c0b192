import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageTree
@testable import Linux
@testable import StrictJSON

@Suite struct ImageTreeCleanlinessTests {
    private typealias Fixture = ImageTreeFixture

    /// The findings in a tree of these files.
    private static func findings(
        _ files: [String: String], exemptions: Exemptions = Exemptions()
    ) throws -> [Finding] {
        try Fixture.withDirectory { root in
            for (path, text) in files { try Fixture.write(text, to: "\(root)/\(path)") }
            return try Cleanliness.findings(
                entries: Fixture.entries(root), tree: root, isLowest: true, exemptions: exemptions)
        }
    }

    /// The findings of entries whose content does not matter.
    private static func findings(
        of entries: [FileEntry], isLowest: Bool = true, exemptions: Exemptions = Exemptions()
    ) throws -> [Finding] {
        let empty = entries.map { entry in
            guard case .file(_, let digest) = entry.kind else { return entry }
            var entry = entry
            entry.kind = .file(size: 0, digest: digest)
            return entry
        }
        return try Cleanliness.findings(entries: empty, tree: "/nowhere", isLowest: isLowest, exemptions: exemptions)
    }

    private static func pem(_ label: String, headers: String = "", end: String = "\n") -> String {
        let body = Base64.encode(ImageFixture.bytes(48, seed: 3))
        return [
            "-----BEGIN \(label)-----", headers + body, "-----END \(label)-----", "",
        ]
        .joined(separator: end)
    }

    private static func token(_ payload: String) -> String {
        let parts = ["{\"alg\":\"RS256\"}", payload, "signature"].map {
            Base64.encode(Array($0.utf8)).filter { $0 != "=" }
        }
        return parts.joined(separator: ".")
    }

    // MARK: - Keys

    @Test(arguments: [
        pem("PRIVATE KEY"), pem("RSA PRIVATE KEY"), pem("EC PRIVATE KEY"), pem("DSA PRIVATE KEY"),
        pem("ENCRYPTED PRIVATE KEY"), pem("OPENSSH PRIVATE KEY"), pem("PRIVATE KEY", end: "\r\n"),
        pem("RSA PRIVATE KEY", headers: "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n"),
        pem("PGP PRIVATE KEY BLOCK", headers: "Version: GnuPG v2\nComment: mine\n\n"),
        pem("PGP PRIVATE KEY BLOCK", headers: "\n"),
        "{\"type\": \"service_account\", \"private_key\": \"\(pem("PRIVATE KEY", end: "\\n"))\"}",
        "key: |\n  " + pem("PRIVATE KEY", end: "\n  "),
        String(repeating: "text -----BEGIN x\n", count: 9) + pem("PRIVATE KEY"),
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
        pem("CERTIFICATE") + pem("PRIVATE KEY"),
    ])
    func privateKeysAreFoundWhereverTheyAre(_ text: String) throws {
        let findings = try Self.findings(["usr/share/app/data": text])
        #expect(findings.map(\.path) == ["/usr/share/app/data"])
        #expect(findings.first?.what.contains("key") ?? false)
    }

    @Test(arguments: [
        pem("CERTIFICATE"), pem("PUBLIC KEY"), pem("PGP PUBLIC KEY BLOCK"), pem("CERTIFICATE REQUEST"),
        "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\u{0}\u{0}MII",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n",
        "if line == \"-----BEGIN OPENSSH PRIVATE KEY-----\\n\": raise ValueError()",
        "-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----\n",
        // Programs with the keys of their self-tests.
        "\u{7f}ELF" + pem("PRIVATE KEY"),
    ])
    func whatOnlySpeaksOfKeysIsClean(_ text: String) throws {
        #expect(try Self.findings(["usr/share/app/data": text]) == [])
    }

    @Test func keysBehindMuchElseAreFoundAndExemptionsCoverThem() throws {
        let text = String(repeating: "0123456789abcde\n", count: 60_000) + Self.pem("PRIVATE KEY")
        #expect(try Self.findings(["a/b/key": text]).count == 1)
        for exempt in ["/a/b/key", "/a/b/**", "/a/**", "/**"] {
            #expect(try Self.findings(["a/b/key": text], exemptions: Exemptions(secrets: [exempt])) == [])
        }
        for other in ["/a/b", "/a/b/ke", "/a/b/key/**", "a/b/key", "/a/b/k**"] {
            #expect(try Self.findings(["a/b/key": text], exemptions: Exemptions(secrets: [other])).count == 1)
        }
    }

    @Test(arguments: [
        ("etc/ssh/ssh_host_ed25519_key", "x", "SSH key"), ("var/tmp/x509up_u1000", "x", "grid proxy"),
        ("var/tmp/krb5cc_0", "x", "Kerberos tickets"), ("var/tmp/bt_u1000", "x", "bearer token"),
        ("etc/krb5.keytab", "x", "Kerberos keys"), ("opt/app/server.jks", "x", "store of keys"),
        ("opt/app/user.p12", "x", "store of keys"), ("root/.netrc", "machine a login b password c", "passwords"),
        ("home/u/.git-credentials", "https://u:p@h", "passwords for git"),
        ("home/u/.aws/credentials", "[default]", "cloud account"),
        ("root/.docker/config.json", "{\"auths\": {\"h\": {\"auth\": \"dTpw\"}}}", "registries"),
        ("root/.pypirc", "[pypi]\npassword = p", "package index"),
        ("root/.npmrc", "//h/:_authToken=t", "package registry"),
        ("home/u/token", "\(token("{\"iss\":\"https://h\",\"sub\":\"u\"}"))\n", "bearer token"),
        ("etc/app.conf", "token = \"\(token("{\"sub\":\"u\",\"exp\":1}"))\"", "bearer token"),
    ])
    func secretsAreFoundByNameOrContent(_ path: String, _ text: String, _ what: String) throws {
        let findings = try Self.findings([path: text])
        #expect(findings.map(\.path) == ["/\(path)"])
        #expect(findings.first?.what.contains(what) ?? false, "\(findings)")
    }

    @Test func whatOnlyLooksLikeASecretIsClean() throws {
        let files = [
            "etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAA", "etc/ssh/ssh_config": "x", "root/.netrc": "",
            "root/.docker/config.json": "{\"auths\": {}}", "root/.npmrc": "registry=h", "usr/bin/bt_update": "x",
            // The example of RFC-like manuals: neither issuer nor expiry.
            "opt/lib/site-packages/jwt/README": Self.token("{\"some\":\"payload\"}"),
            "etc/odd": "eyJ.eyJ.eyJ eyJhbGciOiJIUzI1NiJ9.eyJ", "usr/share/doc/token": Self.token("{\"iss\":\"h\"}"),
            "etc/ssl/certs/java/cacerts": "\u{fe}",
        ]
        #expect(try Self.findings(files) == [])
    }

    // MARK: - Accounts and machines

    @Test func passwordsAreFoundInEveryFileOfAccounts() throws {
        let findings = try Self.findings([
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nold:abcdefghijklm:1:1::/:\nopen::2:2::/:\n+::::::\n",
            "etc/shadow": "root:$6$salt$hash:1:0:9:7:::\nlocked:!$y$j9T$x:1:::::\nnone:*:1:::::\nopen::1:::::\n",
            "etc/shadow-": "bin:!!:1::::::\nalma:!locked::0:9:7:::\nu:!*:1:::::\nx:x:1:::::\n",
            "etc/gshadow": "root:::\nstaff:*::\nusers:!::\nsecret:$1$a$b::\n",
        ])
        #expect(
            Set(findings.map { "\($0.path) \($0.what)" }) == [
                "/etc/passwd the password of 'old', as a hash", "/etc/passwd 'open' needs no password to log in",
                "/etc/shadow the password of 'root', as a hash", "/etc/shadow the password of 'locked', as a hash",
                "/etc/shadow 'open' needs no password to log in", "/etc/gshadow the password of 'secret', as a hash",
            ])
        // A recipe's list of secrets that are none does not reach passwords.
        let exempt = Exemptions(secrets: ["/etc/**"])
        #expect(try Self.findings(["etc/shadow": "root::1:::::\n"], exemptions: exempt).count == 1)
    }

    @Test func theIdentityOfAMachineIsFound() throws {
        #expect(try Self.findings(["etc/machine-id": "", "var/lib/dbus/machine-id": "uninitialized\n"]) == [])
        let identity = "0123456789abcdef0123456789abcdef\n"
        #expect(
            try Self.findings(["etc/machine-id": identity, "var/lib/dbus/machine-id": identity]).map(\.path)
                == ["/etc/machine-id", "/var/lib/dbus/machine-id"])
    }

    @Test func cachesAreFoundOncePerDirectory() throws {
        let dirty = try Self.findings([
            "var/cache/apt/archives/a_1_all.deb": "x", "var/cache/apt/archives/b_1_all.deb": "x",
            "var/cache/apt/archives/lock": "", "var/cache/apt/pkgcache.bin": "x", "var/lib/apt/lists/h_Release": "x",
            "var/lib/apt/lists/lock": "", "var/cache/dnf/x/repodata/y": "x", "root/.cache/pip/http/a": "x",
            "var/cache/apk/APKINDEX.gz": "x", "var/cache/yum/x": "x", "var/cache/fontconfig/x": "x",
        ])
        #expect(
            dirty.map(\.path) == [
                "/var/cache/apt/archives", "/var/cache/apt", "/var/lib/apt/lists", "/var/cache/dnf", "/var/cache/yum",
                "/var/cache/apk", "/root/.cache/pip",
            ])
        #expect(dirty.first?.what == "apt's packages, 2 files")
    }

    // MARK: - Rights

    @Test func setUserIDFilesMustBeListed() throws {
        var local = Fixture.directory("var/local")
        local.mode = 0o2775
        let entries = [
            Fixture.directory("."), Fixture.file("usr/bin/passwd", mode: 0o4755),
            Fixture.file("usr/bin/wall", mode: 0o2755),
            local,
        ]
        let found = try Self.findings(of: entries)
        #expect(found.map(\.path) == ["/usr/bin/passwd", "/usr/bin/wall"])
        #expect(found.map { $0.what.prefix(18) } == ["a set-user-ID file", "a set-group-ID fil"])
        let listed = Exemptions(setUserID: ["/usr/bin/passwd", "/usr/bin/wall"])
        #expect(try Self.findings(of: entries, exemptions: listed) == [])
    }

    @Test func capabilitiesMustBeListed() throws {
        var ping = Fixture.file("usr/bin/ping")
        ping.attributes["security.capability"] = [1]
        #expect(try Self.findings(of: [ping]).map(\.path) == ["/usr/bin/ping"])
        #expect(try Self.findings(of: [ping], exemptions: Exemptions(capabilities: ["/usr/bin/ping"])) == [])
    }

    @Test func whatEverybodyMayWriteIsFound() throws {
        let entries = [
            Fixture.directory("tmp", mode: 0o1777), Fixture.directory("usr/open", mode: 0o777),
            Fixture.directory("usr/sticky", mode: 0o1777), Fixture.directory("var/tmp", mode: 0o777),
            Fixture.directory("var/tmp/x", mode: 0o777), Fixture.file("usr/file", mode: 0o666),
            Fixture.file("var/tmp/file", mode: 0o666),
            FileEntry(
                path: "usr/link", kind: .symbolicLink(target: "x"), mode: 0o777, uid: 0, gid: 0,
                modified: Timestamp(seconds: 0)),
        ]
        #expect(try Self.findings(of: entries).map(\.path) == ["/usr/open", "/var/tmp", "/usr/file"])
    }

    @Test func deviceNodesAreFoundAndWhiteoutsOnlyInTheLowestLayer() throws {
        var node = FileEntry.whiteout(path: "opt/null", modified: Timestamp(seconds: 0))
        node.kind = .characterDevice(major: 1, minor: 3)
        var disk = node
        (disk.path, disk.kind) = ("opt/sda", .blockDevice(major: 8, minor: 0))
        let whiteout = FileEntry.whiteout(path: "usr/bin/vi", modified: Timestamp(seconds: 0))
        #expect(
            try Self.findings(of: [node, disk, whiteout], isLowest: false).map(\.path) == ["/opt/null", "/opt/sda"])
        #expect(try Self.findings(of: [whiteout], isLowest: true).count == 1)
    }

    @Test func theNumberOfFindingsIsBounded() throws {
        let entries = (0..<5000).map { Fixture.file("usr/\($0)", mode: 0o666) }
        let found = try Self.findings(of: entries)
        #expect(found.count == 1001)
        #expect(found.last?.what == "4000 more of such")
    }
}
