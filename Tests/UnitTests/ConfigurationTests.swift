import Foundation
import Testing

@testable import GridModel
@testable import ImageStore
@testable import Policy
@testable import Settings
@testable import StrictYAML

/// A home and a place for the host's file, both empty.
struct ConfigurationPlace {
    let home: Home
    let system: String

    var file: ConfigurationFile { ConfigurationFile(home: home) }

    static func with(
        system: String? = nil, home: String? = nil, _ body: (ConfigurationPlace) throws -> Void
    ) throws {
        try ImageFixture.withDirectory { directory in
            let place = ConfigurationPlace(home: try Home(at: "\(directory)/home"), system: "\(directory)/etc")
            try FileManager.default.createDirectory(atPath: place.system, withIntermediateDirectories: true)
            for (text, path) in [(system, place.system), (home, place.home.path)] {
                try text.map { try Data($0.utf8).write(to: URL(fileURLWithPath: "\(path)/config.yaml")) }
            }
            try body(place)
        }
    }

    func read() throws -> Configuration { try Configuration.read(home, system: system) }

    func text() throws -> String { try String(contentsOfFile: file.path, encoding: .utf8) }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: file.path)) }
}

@Suite struct ConfigurationTests {
    private static let root = "sha256:" + String(repeating: "1", count: 64)
    private static let whole = """
        # What we trust.
        processor: x86-64-v3
        benchmark: 24.5
        catalogues:
          - name: lhc
            url: http://images.example.org/catalogue
            root: \(root)
        image-lists:
          - name: egi
            url: https://lists.example.org/image.list
            identifier: 76fdee70-8119-5d33-9f40-3c57e1c60df1
        own-images: forbid
        newest-refused: refuse
        unmatched: refuse
        user-catalogues: allow
        rules:
          - ban: package xz-utils 5.6.0
            because: CVE-2024-3094
          - approve: experiment lhc
        """

    private func document(_ text: String) throws -> ConfigurationDocument {
        try ConfigurationDocument(parsing: Array(text.utf8), file: "config.yaml")
    }

    @Test func aFileSaysAllThatASiteDecides() throws {
        let found = try document(Self.whole)
        #expect(found.host.processor == .v3 && found.host.benchmark == 24.5)
        #expect(found.catalogues.map(\.name) == ["lhc"] && found.catalogues[0].source == "config.yaml:5")
        #expect(found.catalogues[0].root.description == Self.root)
        #expect(found.imageLists.first?.authorities == "/etc/grid-security/certificates")
        #expect(
            found.rules.ownImages == .forbid && found.rules.newestRefused == .refuse && found.rules.unmatched == .refuse
        )
        #expect(found.userCatalogues == .allow)
        #expect(
            found.rules.rules == [
                Rule(
                    .ban, try Subject(parsing: "package xz-utils 5.6.0"), because: "CVE-2024-3094",
                    source: "config.yaml:17"),
                Rule(.approve, .experiment("lhc"), source: "config.yaml:19"),
            ])
        #expect(try document("").rules == RuleList(file: "config.yaml"))
        #expect(try document("# nothing yet\n\n  # really\r\n") == document(""))
    }

    @Test(arguments: [
        ("rulez:\n  - ban: image x", 1, "did you mean rules?"),
        ("\nrules:\n  - bann: experiment lhc", 3, "'ban:' or 'approve:'"),
        ("rules:\n  - ban: experiment lhc\n    why: x", 3, "unknown key 'why'"),
        ("rules:\n  - ban: experiment lhc\n    approve: experiment lhc", 3, "not both"),
        ("rules:\n  - ban: packages xz", 2, "did you mean package?"),
        ("rules:\n  - ban: image sha256:12", 2, "is no digest"),
        ("rules: ban", 1, "must be a list"),
        ("rules:\n", 1, "must be a list"),
        ("rules:\n  - ban: [a]", 2, "single value"),
        ("unmatched: perhaps", 1, "write accept or refuse"),
        ("own-images: true", 1, "a truth value to YAML"),
        ("newest-refused: last", 1, "last-valid or refuse"),
        ("catalogues:\n  - name: a\n    url: http://a/b", 2, "'root' is missing"),
        ("catalogues:\n  - name: ../a\n    url: http://a/b\n    root: \(root)", 2, "is no name"),
        ("catalogues:\n  - name: .a\n    url: http://a/b\n    root: \(root)", 2, "is no name"),
        ("catalogues:\n  - name: a\n    url: file:///etc\n    root: \(root)", 3, "neither http:// nor https://"),
        ("catalogues:\n  - name: a\n    url: http://u@h/b\n    root: \(root)", 3, "a user's name"),
        ("catalogues:\n  - name: a\n    url: http://h/../b\n    root: \(root)", 3, "'.' or '..'"),
        ("catalogues:\n  - name: a\n    url: http:///b\n    root: \(root)", 3, "names no host"),
        ("catalogues:\n  - name: a\n    url: http://h/b?c\n    root: \(root)", 3, "a query"),
        ("catalogues:\n  - name: a\n    url: http://h/b\n    root: \(root)x", 4, "is no digest"),
        (
            "catalogues:\n  - {name: a, url: 'http://h', root: '\(root)'}\n  - {name: a, url: 'http://h', root: '\(root)'}",
            2,
            "there twice"
        ),
        ("image-lists:\n  - name: a\n    url: http://h\n    identifier: a/b", 4, "dc:identifier"),
        (
            "image-lists:\n  - name: a\n    url: http://h\n    identifier: a\n    authorities: certificates", 5,
            "absolute path"
        ),
        ("a: &a [1]\nrules: *a", 2, "alias"),
        ("rules: []\nrules: []", 1, "given twice"),
        ("rules:\n  - ban: !x experiment lhc", 2, "the YAML tag"),
    ])
    func whatIsWrongIsToldWithItsLine(_ text: String, _ line: Int, _ message: String) throws {
        do {
            _ = try document(text)
            Issue.record("\(text) was taken")
        } catch let fault as YAMLFault {
            #expect(fault.line == line && "\(fault)".contains(message), "\(fault)")
        }
    }

    @Test func hostileBytesAreRefused() throws {
        let texts: [[UInt8]] = [
            [0xFF, 0xFE], Array("rules: \0".utf8), Array(repeating: UInt8(ascii: "["), count: 5000),
            Array(repeating: UInt8(ascii: "a"), count: YAMLReader.limit + 1), Array("- a".utf8), Array("a".utf8),
        ]
        for bytes in texts {
            #expect(throws: YAMLFault.self) { try ConfigurationDocument(parsing: bytes, file: "f") }
        }
    }

    // MARK: Host and home

    @Test func theHostsFileIsAboveTheHomes() throws {
        try ConfigurationPlace.with(
            system: "processor: x86-64-v2\npinning: false\nown-images: forbid\n",
            home:
                "processor: x86-64-v3\npinning: true\nhugepages: true\nbenchmark: 3\nown-images: allow\nrules:\n- ban: experiment a\n"
        ) { place in
            let found = try place.read()
            #expect(found.host.processor == .v2 && found.host.pinning == false && found.host.hugepages == true)
            #expect(found.host.benchmark == nil && found.site.rules.ownImages == .forbid)
            #expect(
                found.site.rules.home.rules.map(\.source) == ["\(place.file.path):7"]
                    && found.site.rules.system.rules.isEmpty)
        }
        try ConfigurationPlace.with(home: "benchmark: 3") { place in
            let found = try place.read()
            #expect(found.host.benchmark == 3 && found.site.unused.isEmpty)
        }
    }

    private func catalogue(_ name: String) -> String {
        "catalogues:\n  - {name: \(name), url: 'http://h/\(name)', root: '\(Self.root)'}\n"
    }

    @Test func aHomesCataloguesAreUsedWhereTheHostLeavesThemToIt() throws {
        func read(_ system: String?) throws -> SiteSettings {
            var found: SiteSettings?
            try ConfigurationPlace.with(system: system, home: catalogue("own")) { found = try $0.read().site }
            return try #require(found)
        }
        for system in [nil, "pinning: true\n", catalogue("lhc") + "user-catalogues: allow\n"] {
            let site = try read(system)
            #expect(site.catalogues.last?.name == "own" && site.ownCataloguesRefusal == nil && site.unused.isEmpty)
        }
        for system in [catalogue("lhc"), catalogue("lhc") + "user-catalogues: forbid\n", "user-catalogues: forbid\n"] {
            let site = try read(system)
            #expect(site.catalogues.allSatisfy { $0.name == "lhc" } && site.unused.map(\.name) == ["own"])
            #expect(site.ownCataloguesRefusal?.contains("user-catalogues: allow") == true)
        }
        let same = try read(catalogue("own") + "user-catalogues: allow\n")
        #expect(same.catalogues.count == 1 && same.unused.first?.because.contains("of the name 'own'") == true)
    }

    @Test func aHomeDoesNotGiveItselfLeave() throws {
        try ConfigurationPlace.with(home: "user-catalogues: allow\n") { place in
            #expect(throws: ConfigurationError(.invalid, "")) { try place.read() }
        }
    }

    // MARK: Advisories

    private static let advisory = """
        id: DSA-5649-1
        package: xz-utils
        fixed: 5.10
        severity: Moderate
        deadline: 2026-12-01
        summary: A door at the back.
        """

    @Test func advisoriesOfBothPlacesAreRead() throws {
        try ConfigurationPlace.with { place in
            let own = AdvisoryDirectory(home: place.home)
            let kept = try own.keep(Array(Self.advisory.utf8), from: "given.yaml")
            #expect(kept.source == "\(place.home.path)/advisories/DSA-5649-1.yaml" && kept.fixed == "5.10")
            #expect(
                kept.severity == .medium && kept.ecosystem == .deb
                    && kept.deadline?.description == "2026-12-01T00:00:00Z")
            let system = AdvisoryDirectory(system: place.system)
            try system.keep(Array("id: 7\npackage: numpy\necosystem: pypi\nfixed: '2'\n".utf8), from: "x")
            try Data("not: read".utf8).write(to: URL(fileURLWithPath: "\(system.path)/.8.yaml"))
            #expect(try place.read().site.rules.advisories.map(\.id) == ["7", "DSA-5649-1"])
            #expect(throws: ConfigurationError(.notFound, "")) { try own.remove("../config") }
            try own.remove("DSA-5649-1")
            #expect(try place.read().site.rules.advisories.map(\.id) == ["7"])
            // One that cannot be read may be the one that matters.
            try Data("id: 9".utf8).write(to: URL(fileURLWithPath: "\(system.path)/9.yaml"))
            #expect(throws: YAMLFault.self) { try place.read() }
        }
    }

    @Test(arguments: [
        ("id: DSA-5649-1", "id: ../x", "no id"), ("id: DSA-5649-1\n", "", "'id' is missing"),
        ("fixed: 5.10\n", "", "'fixed' is missing"), ("fixed: 5.10", "fixed: 5 10", "no version"),
        ("package: xz-utils\n", "", "'package' is missing"),
        ("package: xz-utils", "package: a b", "no name of a package"),
        ("Moderate", "grave", "low, medium"), ("2026-12-01", "tomorrow", "no time"),
        ("2026-12-01", "2026-13-01", "no time"),
        ("summary:", "sumary:", "did you mean summary"), ("severity:", "ecosystem: npm\nseverity:", "write deb"),
    ])
    func whatIsWrongInAnAdvisoryIsTold(_ old: String, _ new: String, _ message: String) throws {
        let text = Self.advisory.replacingOccurrences(of: old, with: new)
        do {
            _ = try Advisory(parsing: Array(text.utf8), file: "a.yaml")
            Issue.record("\(text) was taken")
        } catch let fault as YAMLFault {
            #expect("\(fault)".hasPrefix("a.yaml:") && "\(fault)".contains(message), "\(fault)")
        }
    }
}
