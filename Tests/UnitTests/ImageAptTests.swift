import Foundation
import Testing

@testable import GridModel
@testable import ImageFactory
@testable import Linux

@Suite struct ImageAptTests {
    @Test func oneLineSourcesAreRead() {
        let sources = AptSource.parse(
            list: """
                # deb http://old.example.invalid/debian buster main
                deb http://mirror.example.invalid/debian bookworm main contrib # trailing
                deb [ arch=amd64 signed-by=/k.gpg ] https://mirror.example.invalid/debian-security bookworm-security main
                deb-src http://mirror.example.invalid/debian bookworm main
                nonsense
                """)
        #expect(
            sources == [
                AptSource(
                    uri: "http://mirror.example.invalid/debian", suites: ["bookworm"], components: ["main", "contrib"]),
                AptSource(
                    uri: "https://mirror.example.invalid/debian-security", suites: ["bookworm-security"],
                    components: ["main"],
                    signedBy: .file("/k.gpg")),
            ])
    }

    @Test func deb822SourcesAreRead() {
        let sources = AptSource.parse(
            deb822: """
                Types: deb deb-src
                # a comment inside
                URIs: http://a.example.invalid/debian
                  http://b.example.invalid/debian
                Suites: bookworm bookworm-updates
                Components: main
                Signed-By: /usr/share/keyrings/k.gpg

                Types: deb
                URIs: http://off.example.invalid/debian
                Suites: trixie
                Components: main
                Enabled: no

                types: deb
                uris: http://c.example.invalid/x
                suites: sid
                components: main
                signed-by:
                 -----BEGIN PGP PUBLIC KEY BLOCK-----
                 .
                 abc
                 -----END PGP PUBLIC KEY BLOCK-----
                """)
        #expect(
            sources.map(\.uri) == ["a", "b"].map { "http://\($0).example.invalid/debian" } + [
                "http://c.example.invalid/x"
            ])
        #expect(sources[0].suites == ["bookworm", "bookworm-updates"])
        #expect(sources[0].signedBy == .file("/usr/share/keyrings/k.gpg"))
        let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
        #expect(sources[2].signedBy == .embedded(key))
    }

    @Test func hostsMirrorsServeEverySuite() throws {
        let archive = try DebianArchive(hostSources: [
            AptSource(uri: "https://tools.example.invalid/apt", suites: ["bookworm"], components: ["stable"]),
            AptSource(uri: "https://other.example.invalid/pg", suites: ["bookworm"], components: ["main"]),
            AptSource(
                uri: "http://m.example.invalid/debian", suites: ["bookworm", "bookworm-updates"], components: ["main"]),
            AptSource(
                uri: "http://m.example.invalid/debian-security", suites: ["bookworm-security"], components: ["main"]),
        ])
        let old = SuiteChoice(suite: "bullseye", components: ["main"], acceptsEndOfLife: true)
        #expect(
            archive.sources(for: old).map { [$0.uri] + $0.suites } == [
                ["http://m.example.invalid/debian", "bullseye", "bullseye-updates"],
                ["http://m.example.invalid/debian-security", "bullseye-security"],
            ])
        let rolling = SuiteChoice(suite: "sid", components: ["main"], acceptsEndOfLife: false)
        #expect(archive.sources(for: rolling).map(\.suites) == [["sid"]])
    }

    @Test func hostWithoutDebianIsToldSo() throws {
        let error = try #require(throws: ImageFactoryError.self) {
            try DebianArchive(hostSources: [
                AptSource(uri: "http://x.example.invalid/u", suites: ["noble"], components: ["main"])
            ])
        }
        #expect(error.code == .noArchive && error.message.contains("/etc/apt/sources.list"))
    }

    @Test func configurationDirectoryIsReadAsAptDoes() throws {
        try ImageFixture.withDirectory { directory in
            let parts = "\(directory)/sources.list.d"
            try FileManager.default.createDirectory(atPath: parts, withIntermediateDirectories: true)
            try Data("Types: deb\nURIs: http://m.example.invalid/debian\nSuites: trixie\nComponents: main\n".utf8)
                .write(to: URL(fileURLWithPath: "\(parts)/debian.sources"))
            try Data("deb http://no.example.invalid/debian trixie main\n".utf8)
                .write(to: URL(fileURLWithPath: "\(parts)/off.list.disabled"))
            #expect(try DebianArchive.ofHost(configuration: directory).main.uri == "http://m.example.invalid/debian")
            #expect(try DebianArchive.ofHost(configuration: directory).security == nil)
        }
    }

    @Test func releaseDatesAreRead() throws {
        #expect(Timestamp(releaseDate: " Sat, 21 Nov 2026 00:53:02 UTC")?.description == "2026-11-21T00:53:02Z")
        #expect(Timestamp(releaseDate: "Thu,  9 Jul 2026 09:05:00 GMT")?.description == "2026-07-09T09:05:00Z")
        #expect(Timestamp(releaseDate: "yesterday") == nil)
    }

    @Test func missingToolSaysHowToInstallIt() throws {
        let error = try #require(throws: ImageFactoryError.self) {
            try Tool(name: "sojourn-no-such-tool", package: "some-package").find()
        }
        #expect(error.code == .missingTool && error.message.contains("apt-get install some-package"))
    }

    @Test func failingToolShowsTheEndOfItsLog() throws {
        try ImageFixture.withDirectory { directory in
            let tools = try Toolbox(log: "\(directory)/logs/x.log")
            let script = "for i in $(seq 1 40); do echo line$i; done; exit 3"
            let error = try #require(throws: ImageFactoryError.self) {
                try tools.run(.shell, ["-c", script], deadline: .seconds(20))
            }
            #expect(error.code == .toolFailed && error.message.contains("status 3"))
            #expect(error.message.contains("line40") && !error.message.contains("line20\n"))
            #expect(error.message.contains("\(directory)/logs/x.log"))
            #expect(throws: ImageFactoryError(.limitReached, "")) {
                try tools.run(.shell, ["-c", "sleep 60"], deadline: .milliseconds(50))
            }
            #expect(try tools.output(.shell, ["-c", "umask; echo $A"], adding: ["A=b"]) == "0022\nb\n")
        }
    }
}
