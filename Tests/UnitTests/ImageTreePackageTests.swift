import Foundation
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageTree
@testable import Linux

@Suite struct ImageTreePackageTests {
    private typealias Fixture = ImageTreeFixture

    private static func packages(
        _ files: [String: String], links: [String: String] = [:], rpm: @escaping PackageScan.RunRPM = { _ in nil }
    ) throws -> PackageList {
        try Fixture.withDirectory { root in
            for (path, text) in files { try Fixture.write(text, to: "\(root)/\(path)") }
            for (path, target) in links { try Fixture.link("\(root)/\(path)", to: target) }
            return try PackageScan.packages(of: root, entries: Fixture.entries(root), rpm: rpm)
        }
    }

    /// Of everything that a package says, in one word.
    private static func words(_ list: PackageList) -> [String] {
        list.packages.map { package in
            [
                package.type.rawValue, package.name, package.version, package.architecture, package.source,
                package.licence,
            ]
            .map { $0 ?? "-" }.joined(separator: " ")
        }
    }

    @Test func debianPackagesAreThoseThatAreInstalled() throws {
        let status = """
            Package: libc6
            Status: install ok installed
            Architecture: amd64
            Source: glibc (2.36-9)
            Version: 2.36-9+deb12u14
            Description: GNU C Library
             Package: not a field
             .

            Package: gone
            Status: deinstall ok config-files
            Architecture: all
            Version: 1

            Package: bash
            Version: 1:5.2.15-2+b13
            Status: hold ok installed
            Architecture: amd64
            """
        let list = try Self.packages(["var/lib/dpkg/status": status, "etc/os-release": "NAME=x\nID=\"debian\"\n"])
        #expect(list.distribution == "debian")
        #expect(
            Self.words(list) == ["deb bash 1:5.2.15-2+b13 amd64 - -", "deb libc6 2.36-9+deb12u14 amd64 glibc -"])
        let distroless = try Self.packages([
            "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2024a\nArchitecture: all\n",
            "var/lib/dpkg/status.d/tzdata.md5sums": "x",
        ])
        #expect(Self.words(distroless) == ["deb tzdata 2024a all - -"])
        #expect(distroless.distribution == "linux")
    }

    @Test func alpinePackagesAreRead() throws {
        let installed = """
            C:Q1abc=
            P:musl
            V:1.2.4-r2
            A:x86_64
            L:MIT
            o:musl
            F:lib
            R:ld-musl.so

            P:py3-six
            V:1.16-r1
            A:noarch
            L:MIT
            o:py3-six-src
            F:usr/lib/python3.11/site-packages/six-1.16.dist-info
            R:METADATA

            """
        let list = try Self.packages(
            [
                "usr/lib/apk/db/installed": installed, "usr/lib/os-release": "ID=alpine\n",
                "usr/lib/python3.11/site-packages/six-1.16.dist-info/METADATA": "Name: six\nVersion: 1.16\n",
            ], links: ["lib": "usr/lib", "etc/os-release": "../usr/lib/os-release"])
        #expect(list.distribution == "alpine")
        #expect(Self.words(list) == ["apk musl 1.2.4-r2 x86_64 - MIT", "apk py3-six 1.16-r1 noarch py3-six-src MIT"])
    }

    @Test func rpmPackagesComeFromTheHostsRPM() throws {
        let files = [
            "var/lib/rpm/rpmdb.sqlite": "x",
            "usr/lib/python3.9/site-packages/rpm_own-1.dist-info/METADATA": "Name: rpm-own\nVersion: 1\n",
            "usr/lib/python3.9/site-packages/mine-2.dist-info/METADATA": "Name: mine\nVersion: 2\n",
        ]
        let list = try Self.packages(files) { arguments in
            #expect(arguments[0] == "--dbpath" && arguments[1].hasSuffix("/var/lib/rpm"))
            if arguments.last?.contains("FILENAMES") ?? false {
                return Array("/usr/bin/x\n/usr/lib/python3.9/site-packages/rpm_own-1.dist-info/METADATA\n".utf8)
            }
            return Array(
                """
                bash\t(none)\t5.1.8-9.el9\tx86_64\tbash-5.1.8-9.el9.src.rpm\tGPLv3+
                gpg-pubkey\t(none)\t1-2\t(none)\t(none)\tpubkey
                glibc-common\t0\t2.34-1\tx86_64\tglibc-2.34-1.src.rpm\tLGPLv2+ and more

                """.utf8)
        }
        #expect(
            Self.words(list) == [
                "pypi mine 2 - - -", "rpm bash 5.1.8-9.el9 x86_64 - GPLv3+",
                "rpm glibc-common 0:2.34-1 x86_64 glibc LGPLv2+ and more",
            ])
        let error = try #require(throws: ImageTreeError.self) { try Self.packages(files) }
        #expect(error.code == .missingTool && error.message.contains("Debian's package rpm"))
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/rpm"), "rpm is missing"))
    func theRealRPMReadsADatabaseOfItsOwn() throws {
        try Fixture.withDirectory { root in
            let made = try ImageFixture.run(["rpm", "--dbpath", "\(root)/usr/lib/sysimage/rpm", "--initdb"])
            #expect(made.status == 0, "\(made.text)")
            var calls = 0
            let list = try PackageScan.packages(of: root, entries: Fixture.entries(root)) { arguments in
                calls += 1
                let output = try ImageFixture.run(["rpm"] + arguments)
                #expect(output.status == 0, "\(output.text)")
                return Array(output.text.utf8)
            }
            #expect(calls == 1 && list.packages.isEmpty)
        }
    }

    @Test func pythonDistributionsAreThoseThatNoPackageBrought() throws {
        let place = "usr/lib/python3/dist-packages"
        let list = try Self.packages(
            [
                "var/lib/dpkg/info/python3-six.list":
                    "/.\n/\(place)/six-1.16.egg-info\n/\(place)/six.egg-info/PKG-INFO\n",
                "\(place)/six-1.16.egg-info": "Name: six\nVersion: 1.16\n",
                "\(place)/old.egg-info": "Metadata-Version: 1.1\nName: old\nVersion: 0.9\nLicense: UNKNOWN\n",
                "opt/app/lib/python3.11/site-packages/Foo.Bar-1.dist-info/METADATA":
                    "Name: Foo._Bar\r\nVersion: 1.0+cu12\r\nLicense: BSD\r\n  more\r\n\r\nVersion: 9\r\n",
                "opt/app/lib/python3.11/site-packages/new-2.dist-info/METADATA":
                    "Name: new\nVersion: 2\nLicense: The whole text\nLicense-Expression: Apache-2.0\n",
                "opt/app/lib/python3.11/site-packages/own/egg.egg-info/PKG-INFO": "Name: nested\nVersion: 1\n",
                "opt/app/lib/python3.11/site-packages/bad.dist-info/METADATA": "no head",
                "usr/share/x.dist-info/METADATA": "Name: elsewhere\nVersion: 1\n",
            ])
        #expect(
            Self.words(list) == ["pypi foo-bar 1.0+cu12 - - BSD", "pypi new 2 - - Apache-2.0", "pypi old 0.9 - - -"])
    }

    @Test func linksOfTheTreeDoNotLeadOutOfIt() throws {
        try Fixture.withDirectory { outside in
            try Fixture.write("ID=outside\n", to: "\(outside)/os-release")
            for target in ["\(outside)/os-release", "../../../../../../../../../..\(outside)/os-release"] {
                #expect(try Self.packages([:], links: ["etc/os-release": target]).distribution == "linux")
            }
            // An absolute link is one within the tree.
            #expect(
                try Self.packages(["opt/o": "ID=inside\n"], links: ["etc/os-release": "/opt/x/o", "opt/x": "."])
                    .distribution == "inside")
            #expect(try Self.packages([:], links: ["etc/os-release": "os-release"]).distribution == "linux")
        }
    }

    @Test func whatASystemSaysOfItselfIsRead() throws {
        try Fixture.withDirectory { root in
            #expect(try OSRelease.value("PRETTY_NAME", in: root) == nil)
            try Fixture.write("NAME=x\nPRETTY_NAME=\"A system\"\n", to: "\(root)/usr/lib/os-release")
            #expect(try OSRelease.value("PRETTY_NAME", in: root) == "A system")
            #expect(try OSRelease.value("VERSION", in: root) == nil)
        }
    }

    @Test func hostileDatabasesAreRefused() throws {
        for (path, text) in [
            ("var/lib/dpkg/status", "Package: a b\nVersion: 1\n"), ("var/lib/dpkg/status", "Package: a\n"),
            ("var/lib/dpkg/status", "Package: a\nVersion: 1\u{1b}[2J\n"),
            ("lib/apk/db/installed", "P:\(String(repeating: "a", count: 300))\nV:1\n"),
            ("usr/lib/os-release", "ID=../x\n"),
            ("usr/lib/python3/dist-packages/a.egg-info", "Name: a\nVersion: 1 2\n"),
        ] {
            let error = try #require(throws: ImageTreeError.self, "\(text)") { try Self.packages([path: text]) }
            #expect(error.code == .unreadableDatabase && error.message.contains("/\(path)"))
        }
        try Fixture.withDirectory { root in
            try Files.makeDirectories("\(root)/var/lib/dpkg")
            try Descriptor.createSparse("\(root)/var/lib/dpkg/status", bytes: 1 << 40).synchronise()
            let error = try #require(throws: ImageTreeError.self) {
                try PackageScan.packages(of: root, entries: [], rpm: { _ in nil })
            }
            #expect(error.message.contains("more than the"))
        }
    }
}
