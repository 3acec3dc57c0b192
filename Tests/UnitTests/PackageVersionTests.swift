import Foundation
import Testing

@testable import Policy

@Suite struct PackageVersionTests {
    // MARK: Debian

    private func debian(_ left: String, _ right: String) throws -> Int {
        let (left, right) = (try DebianVersion(parsing: left), try DebianVersion(parsing: right))
        return left < right ? -1 : left == right ? 0 : 1
    }

    @Test func debianVersionsHaveTheOrderOfItsManual() throws {
        // deb-version(7): "~~, ~~a, ~, the empty part, a".
        let parts = ["1~~", "1~~a", "1~", "1", "1a", "1+", "1.1", "1.1.1", "1.10", "1:0.1", "2:0"]
        for (i, left) in parts.enumerated() {
            for (j, right) in parts.enumerated() {
                #expect(try debian(left, right) == (i - j).signum(), "\(left) and \(right)")
            }
        }
        #expect(try debian("1.0", "1.0-0") == 0 && debian("0:1.0", "1.0") == 0 && debian("1.00", "1.0") == 0)
        #expect(try debian("1-1", "1-1+b1") == -1 && debian("1-1~deb12u1", "1-1") == -1)
        // No number is too long.
        let long = String(repeating: "9", count: 100)
        #expect(try debian("1.\(long)", "1.1\(long)") == -1)
    }

    @Test(arguments: [
        "", " ", "1 2", ":1", "a:1", "-1:1", "1:", "1-", "99999999999:1", "1_2", "1;2", "1-1:1", "1\n", "é",
        String(repeating: "1", count: 257),
    ])
    func whatIsNoDebianVersionIsRefused(_ text: String) {
        #expect(throws: PolicyError(.invalidVersion, "")) { try DebianVersion(parsing: text) }
    }

    @Test func debianVersionsAreComparedAsDpkgDoes() throws {
        var random = SeededGenerator(seed: 5)
        let pieces = [
            "0", "1", "2", "10", "007", "9", "a", "b", "rc", "~", "~~", "+", ".", ".", "-", "deb12u", "dfsg", "really",
        ]
        var pairs: [(String, String)] = []
        func version() -> String {
            let epoch = ["", "", "", "0:", "1:", "2:"].randomElement(using: &random) ?? ""
            let rest = (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? ""
            }
            return epoch + "\(Int.random(in: 0...3, using: &random))" + rest.joined()
        }
        while pairs.count < 600 {
            let left = version()
            // Every other pair differs in little.
            let right = pairs.count % 2 == 0 ? version() : left + (pieces.randomElement(using: &random) ?? "")
            if left.hasSuffix("-") || right.hasSuffix("-") { continue }
            pairs.append((left, right))
        }
        let words = pairs.map { "'\($0.0)' '\($0.1)'" }.joined(separator: "\n")
        let script = """
            while read -r a b; do
                eval "a=$a b=$b"
                for o in lt eq gt; do dpkg --compare-versions "$a" $o "$b" 2>/dev/null && echo $o; done
            done <<'END'
            \(words)
            END
            """
        let result = try ImageFixture.run(["sh", "-c", script])
        let verdicts = result.text.split(separator: "\n")
        try #require(verdicts.count == pairs.count, "\(result.text.prefix(300))")
        for ((left, right), verdict) in zip(pairs, verdicts) {
            let own = try ["lt", "eq", "gt"][debian(left, right) + 1]
            #expect(own == verdict, "\(left) \(verdict) \(right) to dpkg")
        }
        #expect(Set(verdicts).count == 3)
    }

    // MARK: Python

    private func python(_ left: String, _ right: String) throws -> Int {
        let (left, right) = (try PythonVersion(parsing: left), try PythonVersion(parsing: right))
        return left < right ? -1 : left == right ? 0 : 1
    }

    @Test func pythonVersionsHaveTheOrderOfPEP440() throws {
        let order = [
            "1.0.dev1", "1.0a1.dev1", "1.0a1", "1.0a2.post1", "1.0b1", "1.0rc1.dev2", "1.0rc1", "1.0", "1.0+abc",
            "1.0+abc.5", "1.0+abc.10", "1.0+5", "1.0.post1.dev1", "1.0.post1", "1.1.dev1", "1.1", "1!0.1",
        ]
        for (i, left) in order.enumerated() {
            for (j, right) in order.enumerated() {
                #expect(try python(left, right) == (i - j).signum(), "\(left) and \(right)")
            }
        }
        for (left, right) in [
            ("1.0", "1"), ("v1.0", "1.0"), ("1.0-1", "1.0.post1"), ("1.0ALPHA", "1.0a0"), ("1.0_pre-2", "1.0rc2"),
            ("1.0.rev3", "1.0-r3"), ("1.0dev", "1.0.dev0"), ("1.0+Ubuntu-1", "1.0+ubuntu.1"), ("0!01.02", "1.2"),
        ] { #expect(try python(left, right) == 0, "\(left) and \(right)") }
    }

    @Test(arguments: [
        "", "a", "1.", "1..0", "1.0+", "1.0+a..b", "1.0+a!", "1!", "!1", "1.0x", "1.0a1b2", "1.0 ", " 1.0", "1.0\n",
        "١",
        "1.0-", "1.0.post1.post2", String(repeating: "1", count: 257),
    ])
    func whatIsNoPythonVersionIsRefused(_ text: String) {
        #expect(throws: PolicyError(.invalidVersion, "")) { try PythonVersion(parsing: text) }
    }

    /// A Python that has `packaging`: that of the oracles.
    private static let interpreter: String? = {
        let known = [ProcessInfo.processInfo.environment["SOJOURN_TEST_PYTHON"], "/usr/bin/python3"]
        return known.compactMap { $0 }.first { program in
            do { return try ImageFixture.run([program, "-c", "import packaging.version"]).status == 0 } catch {
                return false
            }
        }
    }()

    @Test(.enabled(if: interpreter != nil, "no Python here has packaging: run the tests by 'make test'"))
    func pythonVersionsAreComparedAsPackagingDoes() throws {
        var random = SeededGenerator(seed: 7)
        func pick(_ words: [String]) -> String { words.randomElement(using: &random) ?? "" }
        func version() -> String {
            pick(["", "", "", "v", "1!", "0!"]) + pick(["0", "1", "1.0", "1.2", "1.10", "2.0.0", "01.2", "1.2.0.0.1"])
                + pick(["", "", "a1", "b", ".rc.2", "_alpha-3", "-preview1", "c1", "pre"])
                + pick(["", "", "", ".post1", "-1", "-r2", "rev", ".post"])
                + pick(["", "", "", ".dev1", "dev", "-dev_2", "."])
                + pick(["", "", "", "+1", "+abc", "+abc.1", "+a-1_02", "+"])
        }
        let pairs = (0..<600).map { number -> [String] in
            let left = version()
            // Some are of one version in two spellings.
            return [left, number % 5 == 0 ? left.replacing("a1", with: "_ALPHA-01") : version()]
        }
        let program = """
            import json, sys
            from packaging.version import Version, InvalidVersion
            def order(a, b):
                try: a, b = Version(a), Version(b)
                except InvalidVersion: return 9
                return (a > b) - (a < b)
            print(json.dumps([order(a, b) for a, b in json.loads(sys.argv[1])]))
            """
        let text = String(decoding: try JSONEncoder().encode(pairs), as: UTF8.self)
        let result = try ImageFixture.run([try #require(Self.interpreter), "-c", program, text])
        let verdicts = try JSONDecoder().decode([Int].self, from: Data(result.text.utf8))
        for (pair, verdict) in zip(pairs, verdicts) {
            var own = 9
            do { own = try python(pair[0], pair[1]) } catch { #expect(error is PolicyError) }
            #expect(own == verdict, "\(pair) is \(verdict) to packaging")
        }
        #expect(verdicts.count == 600 && Set(verdicts) == [-1, 0, 1, 9])
    }

    // MARK: What a rule means

    private func meets(
        _ pattern: String, _ name: String, _ version: String, _ ecosystem: Ecosystem = .deb, source: String? = nil
    ) throws -> PackagePattern.Verdict {
        try PackagePattern(parsing: pattern).meets(
            PackageFact(name: name, version: version, ecosystem: ecosystem, source: source))
    }

    @Test func aVersionMeansEveryPackagingOfIt() throws {
        for version in [
            "5.6.0", "5.6.0-0.2", "5.6.0-0.2+b1", "1:5.6.0-1", "5.6.0+dfsg-1", "5.6.0~dfsg1-1", "5.6.0+ds1-2",
        ] {
            #expect(try meets("xz-utils 5.6.0", "xz-utils", version) == .yes, "\(version)")
        }
        for version in ["5.6.1-1", "5.6.0.1-1", "5.6.0~rc1-1", "5.6.01-1", "5.60", "5.6.0+git2024-1"] {
            #expect(try meets("xz-utils 5.6.0", "xz-utils", version) == .no, "\(version)")
        }
        #expect(try meets("xz-utils 5.6.0-0.2", "xz-utils", "5.6.0-0.2+b1") == .yes)
        #expect(try meets("xz-utils 5.6.0-0.2", "xz-utils", "5.6.0-0.3") == .no)
        #expect(try meets("xz-utils 1:5.6.0", "xz-utils", "5.6.0-1") == .no)
    }

    @Test func reallyIsWhatItReallyIs() throws {
        #expect(try meets("xz-utils 5.6.1", "xz-utils", "5.6.1+really5.4.5-1") == .no)
        #expect(try meets("xz-utils 5.4.5", "xz-utils", "5.6.1+really5.4.5-1") == .yes)
        #expect(try meets("xz-utils 5.6.1+really5.4.5", "xz-utils", "5.6.1+really5.4.5-1") == .yes)
        // In the order of versions, which the fixed version of an advisory is of, it is what dpkg says.
        #expect(try meets("xz-utils <5.6.2", "xz-utils", "5.6.1+really5.4.5-1") == .yes)
        #expect(try meets("xz-utils <5.6.1", "xz-utils", "5.6.1+really5.4.5-1") == .no)
    }

    @Test func aBoundWithoutEpochIsComparedWithoutIt() throws {
        #expect(try meets("passwd <4.14", "passwd", "1:4.13+dfsg1-1") == .yes)
        #expect(try meets("passwd <1:4.14", "passwd", "1:4.13+dfsg1-1") == .yes)
        #expect(try meets("passwd <1:4.13", "passwd", "1:4.13+dfsg1-1") == .no)
        #expect(try meets("passwd <4.13", "passwd", "1:4.13+dfsg1-1") == .no)
    }

    @Test func sourcesAndPythonNamesAreMeantToo() throws {
        #expect(try meets("xz-utils 5.6.0", "liblzma5", "5.6.0-0.2", source: "xz-utils") == .yes)
        #expect(try meets("xz-utils 5.6.0", "liblzma5", "5.6.0-0.2") == .no)
        #expect(try meets("Ruamel_Yaml 1.0", "ruamel.yaml", "1.0.0", .pypi) == .yes)
        #expect(try meets("ruamel.yaml 1.0", "ruamel_yaml", "1.0+local", .pypi) == .yes)
        #expect(try meets("ruamel.yaml 1.0+other", "ruamel_yaml", "1.0+local", .pypi) == .no)
        #expect(try meets("numpy <2.0", "numpy", "2.0rc1", .pypi) == .yes)
        #expect(try meets("numpy <2.0", "numpy", "2.0", .pypi) == .no)
    }

    @Test func whatCannotBeComparedIsUnknown() throws {
        #expect(try meets("numpy <2.0", "numpy", "unknown version", .pypi) == .unknown)
        #expect(try meets("bash <5.2", "bash", "not a version!") == .unknown)
        #expect(try meets("openssl <3.0.7", "openssl", "3.0.1-4.el9", .rpm) == .unknown)
        #expect(try meets("openssl 3.0.1", "openssl", "1:3.0.1-4.el9", .rpm) == .yes)
        #expect(try meets("openssl 3.0.2", "openssl", "1:3.0.1-4.el9", .rpm) == .no)
    }

    @Test(arguments: [
        "", "a b c", "a  1", "-a", "a <", "a 1;2", "a\n", "a/b", "a 1'", String(repeating: "a", count: 129),
    ])
    func whatIsNoPackageIsRefused(_ text: String) {
        #expect(throws: PolicyError.self) { try PackagePattern(parsing: text) }
    }

    @Test(arguments: ["xz-utils", "xz-utils 5.6.0", "xz-utils <5.6.2-1", "g++ 4:12.2.0-3", "numpy 1!2.0+local"])
    func patternsComeBackAsTheyWere(_ text: String) throws {
        #expect(try PackagePattern(parsing: text).description == text)
    }
}
