import Linux

/// Where this host gets Debian from: the mirrors of its own apt configuration, used for every suite. No other is known here.
package struct DebianArchive: Equatable, Sendable {
    package let main: AptSource
    /// Nil where the host's configuration has no security archive.
    package let security: AptSource?

    /// From all of a host's sources.
    package init(hostSources: [AptSource]) throws {
        func pick(_ isWanted: (String) -> Bool) -> AptSource? {
            let found = hostSources.filter {
                $0.components.contains("main") && $0.suites.contains(where: isWanted) && !$0.uri.hasPrefix("cdrom:")
            }
            // Others name their repositories by Debian's code names too; Debian's own directories are called debian*.
            return found.first { Self.lastComponent(of: $0.uri).hasPrefix("debian") } ?? found.first
        }
        let security = pick(Self.isSecurity)
        guard let main = pick(Self.isMain) else {
            throw ImageFactoryError(
                .noArchive,
                "this host's apt configuration names no Debian archive; add one to /etc/apt/sources.list, "
                    + "for example 'deb URL-OF-A-MIRROR/debian bookworm main'")
        }
        self.main = main
        self.security = security
    }

    /// From `/etc/apt` or a directory like it.
    package static func ofHost(configuration directory: String = "/etc/apt") throws -> DebianArchive {
        var sources: [AptSource] = []
        let parts = "\(directory)/sources.list.d"
        let names = Files.isDirectory(parts) ? try Files.list(parts).map { "\(parts)/\($0)" } : []
        for path in ["\(directory)/sources.list"] + names where Files.exists(path) {
            let text = { String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self) }
            if path.hasSuffix(".list") { sources += AptSource.parse(list: try text()) }
            if path.hasSuffix(".sources") { sources += AptSource.parse(deb822: try text()) }
        }
        return try DebianArchive(hostSources: sources)
    }

    /// The sources of a suite: the suite itself, its updates and its security archive.
    package func sources(for choice: SuiteChoice) -> [AptSource] {
        func source(_ archive: AptSource, _ suites: [String]) -> AptSource {
            AptSource(uri: archive.uri, suites: suites, components: choice.components, signedBy: archive.signedBy)
        }
        let rolling = ["sid", "unstable"].contains(choice.suite)
        let own = source(main, rolling ? [choice.suite] : [choice.suite, "\(choice.suite)-updates"])
        guard let security, !rolling else { return [own] }
        return [own, source(security, ["\(choice.suite)-security"])]
    }

    private static let names: Set<String> = [
        "oldoldstable", "oldstable", "stable", "testing", "unstable", "buster", "bullseye", "bookworm", "trixie",
        "forky",
        "duke", "sid",
    ]

    private static func isMain(_ suite: String) -> Bool { names.contains(suite) }

    private static func isSecurity(_ suite: String) -> Bool {
        ["-security", "/updates"].contains { suite.hasSuffix($0) && names.contains(String(suite.dropLast($0.count))) }
    }

    private static func lastComponent(of uri: String) -> Substring {
        uri.split(separator: "/").last ?? ""
    }
}
