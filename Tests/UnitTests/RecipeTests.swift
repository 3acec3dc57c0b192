import Foundation
import Testing

@testable import GridModel
@testable import ImageFactory
@testable import ImageFormat
@testable import ImageStore
@testable import ImageTree
@testable import Linux
@testable import StrictYAML

@Suite struct RecipeTests {
    private let system = """
        name: os/debian12
        suite: bookworm
        packages: [ca-certificates, procps]
        kernel: kernel-debian12
        permit: {setUserID: [/usr/bin/su]}
        needs: {memory: 1GiB, architecture: x86-64-v2}
        environment:
          PATH: /usr/bin:/bin
        """
    private static let head = "name: a/b:1@d\non: os/d\n"

    private static func parse(_ yaml: String) throws -> Recipe {
        try Recipe(parsing: RecipeText(path: "/r.yaml", bytes: Array(yaml.utf8)))
    }

    private static func image(_ yaml: String) throws -> ImageRecipe {
        guard case .image(let recipe) = try parse(yaml) else { throw CancellationError() }
        return recipe
    }

    private static func fault(_ yaml: String) throws -> String {
        let error = try #require(throws: ImageFactoryError.self) { _ = try parse(yaml) }
        #expect(error.code == .invalidRecipe)
        return error.message
    }

    @Test func systemRecipeIsRead() throws {
        let recipe = try Self.image(system)
        #expect(recipe.environment.description == "os/debian12")
        #expect(recipe.suite == SuiteChoice(suite: "bookworm", components: ["main"], acceptsEndOfLife: false))
        #expect(recipe.packages == ["ca-certificates", "procps"])
        #expect(recipe.variables == ["PATH": "/usr/bin:/bin"])
        #expect(recipe.kernel == "kernel-debian12")
        #expect(recipe.needs == ImageNeeds(memory: .gibibytes(1), cores: 1, architectureLevel: 2))
        #expect(recipe.limits == .standard)
        #expect(BuildLimits.standard.time.description == "1h")
        #expect(BuildLimits.standard.disk == .gibibytes(20) && BuildLimits.standard.memory == .gibibytes(4))
    }

    @Test func everyKeyOfSoftwareIsRead() throws {
        let recipe = try Self.image(
            """
            \(Self.head)packages: [python3]
            python: ["requests[socks] == 2.32.3", "numpy >=1.26, <2"]
            files:
              - path: /etc/site.conf
                content: "a\\tb\\n"
              - {path: /usr/bin/tool, from: tools/tool, mode: "4755"}
              - {path: /etc/empty, content: ""}
            snapshot:
              - {from: build/install, to: /opt/b}
            build:
              - |
                set -e
                if true; then
                \t\techo 1 > /opt/b/one
                fi
            limits: {time: 10m, disk: 1GiB, memory: 512MiB}
            permit:
              setUserID: [/usr/bin/tool]
              capabilities: [/usr/bin/ping]
              secrets: [/opt/b/tests/**]
            environment: {OMP_NUM_THREADS: 1, DEBUG: false, PATH: /opt/b/bin}
            check: [b --version]
            needs: {cores: 2-4}
            """)
        #expect(recipe.base?.description == "os/d" && recipe.suite == nil && recipe.kernel == nil)
        #expect(recipe.requirements.map(\.specifier) == ["requests[socks]==2.32.3", "numpy>=1.26,<2"])
        #expect(
            recipe.files == [
                FileSource(path: "/etc/site.conf", content: .text("a\tb\n"), mode: 0o644),
                FileSource(path: "/usr/bin/tool", content: .file("tools/tool"), mode: 0o4755),
                FileSource(path: "/etc/empty", content: .text(""), mode: 0o644),
            ])
        #expect(recipe.snapshots == [SnapshotSource(source: "build/install", destination: "/opt/b")])
        #expect(recipe.scripts == ["set -e\nif true; then\n\t\techo 1 > /opt/b/one\nfi\n"])
        #expect(recipe.limits.time.seconds == 600 && recipe.limits.memory == .mebibytes(512))
        #expect(recipe.permitted.capabilities == ["/usr/bin/ping"] && recipe.permitted.secrets == ["/opt/b/tests/**"])
        #expect(recipe.variables == ["OMP_NUM_THREADS": "1", "DEBUG": "false", "PATH": "/opt/b/bin"])
        #expect(recipe.needs?.cores == 2)
    }

    @Test func containersAreSystemsAndSoftware() throws {
        for reference in ["oci:layout", "oci:/srv/images:el9/base:1", "docker://a.example:5000/x/y:1"] {
            let recipe = try Self.image("name: cms/sw:14@el9\nfrom: \(reference)\nkernel: kernel-debian12")
            #expect(recipe.ground == .container(reference) && recipe.base == nil)
        }
        let digest = String(repeating: "0a", count: 32)
        #expect(throws: Never.self) {
            _ = try Self.image("name: os/el9\nfrom: docker://x@sha256:\(digest)\nkernel: kernel-x")
        }
    }

    @Test(
        "A fault names file, line and remedy",
        arguments: [
            (
                "name: os/d\nsuit: s\nkernel: kernel-x",
                "/r.yaml:1: a key is missing that says what this stands on; add 'suite"
            ),
            (
                "name: os/debian12\nsuite: bookworm\nkernel: kernel-x\npakages: [a]",
                "/r.yaml:4: unknown key 'pakages'; did you mean packages"
            ),
            (
                "name: os/debian12\nsuite: bookworm\nkernel: kernel-x\npackages: procps",
                "/r.yaml:4: 'packages' must be a list"
            ),
            ("name: os/debian12\nsuite: [bookworm]\nkernel: kernel-x", "/r.yaml:2: 'suite' must be a single value"),
            (
                "name: os/debian12\nsuite: bookworm\nkernel: kernel-x\npackages:\n  - procps\n  - Bad_Name",
                "/r.yaml:6: 'packages': 'Bad_Name' is no name of a Debian package"
            ),
            ("\n\nname: debian12\nsuite: bookworm", "/r.yaml:3: 'name': 'debian12' is no environment"),
            ("name: '@debian12'\nsuite: bookworm", "/r.yaml:1: 'name': '@debian12' is short for 'os/debian12'"),
            ("suite: bookworm", "/r.yaml:1: the key 'name' is missing"),
            ("name: os/debian12\nsuite: bookworm", "/r.yaml:1: the key 'kernel' is missing"),
            ("name: os/debian12\nsuite: s\nkernel: linux", "/r.yaml:3: 'kernel': 'linux' is no name of a kernel"),
            (
                "name: os/d\nsuite: s\nkernel: kernel-x\nneeds:\n  memory: much",
                "/r.yaml:5: 'memory': 'much' is no size"
            ),
            (
                "name: os/d\nsuite: s\nkernel: kernel-x\nenvironment:\n  A B: c",
                "'A B' is no name of an environment variable"
            ),
            (
                "name: os/d\nsuite: s\nkernel: kernel-x\nacceptEndOfLife: perhaps",
                "/r.yaml:4: 'acceptEndOfLife' must be true or false"
            ),
            (
                "name: os/d\nsuite: 12\nkernel: kernel-x",
                "/r.yaml:2: 'suite' is a number to YAML; put it in quotes: '12'"
            ),
            ("name: os/d\nsuite: s\nkernel: kernel-x\npurpose:", "/r.yaml:4: 'purpose' has no value"),
            ("name: os/d\nsuite: !x s\nkernel: kernel-x", "/r.yaml:2: 'suite' has the YAML tag '!x'"),
            (
                "name: a/b:1@d\nsuite: s\nkernel: kernel-x",
                "/r.yaml:2: 'a/b:1@d' is software, which has no suite of its own"
            ),
            ("name: a/b:1@d\non: os/e", "/r.yaml:2: 'on' must be the system of 'a/b:1@d': os/d"),
            ("name: os/d\non: os/d", "/r.yaml:2: 'os/d' is a system, which stands on nothing; write 'suite: bookworm'"),
            (
                "name: a/b:1@d\non: os/d\nfrom: oci:x",
                "/r.yaml:3: 'on' and 'from' exclude each other; keep one: 'on: os/d'"
            ),
            ("name: a/b:1@d\non: os/d\ncomponents: [main]", "/r.yaml:3: 'components' belongs to a 'suite'"),
            ("name: os/d\nfrom: debian:12\nkernel: kernel-x", "/r.yaml:2: 'from': 'debian:12' is no container image"),
            (
                "name: os/d\nfrom: oci:x\nkernel: kernel-x\npackages: [a1]",
                "/r.yaml:4: 'packages' come from Debian's archive"
            ),
            ("kind: thing\nname: x", "/r.yaml:1: 'kind: thing' is not known"),
            ("name: os/d\nname: os/e", "/r.yaml:1: 'name' is given twice"),
            ("name: [", "/r.yaml:"),
            ("- a", "/r.yaml:1: a recipe must be a list of 'key: value' lines"),
            ("", "/r.yaml:1: a recipe is empty"),
        ])
    func faultsNameFileLineAndRemedy(yaml: String, message: String) throws {
        let found = try Self.fault(yaml)
        #expect(found.contains(message), "\(found)")
    }

    @Test(
        "A fault of software's content names line and remedy",
        arguments: [
            ("files:\n  - path: etc/x\n    content: a", ":4: 'path': 'etc/x' is no absolute path of the image"),
            ("files:\n  - path: /etc/../x\n    content: a", ":4: 'path': '/etc/../x' is not in its plain form"),
            ("files: [{path: /, content: a}]", "is the whole image"),
            ("files: [{path: /tmp/x, content: a}]", "lies below /tmp, which every machine mounts afresh"),
            ("files: [{path: /etc/x}]", "'/etc/x' has nothing in it"),
            ("files: [{path: /etc/x, content: a, from: b}]", "'content' and 'from' exclude each other"),
            ("files: [{path: /etc/x, content: a}, {path: /etc/x, from: b}]", "'/etc/x' is given twice"),
            ("files: [{path: /etc/x, content: a, mode: 0644}]", "'mode' is a number to YAML; put it in quotes: '0644'"),
            ("files: [{path: /etc/x, content: a, mode: '0o644'}]", "'0o644' is no mode"),
            ("files: [{path: /etc/x, content: a, mode: '2755'}]", "list '/etc/x' in 'permit: setUserID:' too"),
            ("files: [{path: /etc/x, content: a, owner: me}]", "unknown key 'owner'"),
            ("snapshot: [{from: x, to: /run/x}]", "lies below /run"),
            ("snapshot: [{from: x}]", "the key 'to' is missing"),
            ("snapshot: [{from: x, to: /opt/x}, {from: y, to: /opt/x}]", "'/opt/x' is given twice"),
            ("build: [\"a\\u0007\"]", "holds control characters"),
            ("build: ['']", "an entry of 'build' is empty"),
            ("limits: {time: 0}", "'time': '0' is no time"),
            ("limits: {disk: 12}", "'12' is less than any build needs"),
            ("limits: {cpu: 12}", "unknown key 'cpu'"),
            ("permit: {secrets: [/etc/*.key]}", "of patterns, only /** at the end is known"),
            ("permit: {secrets: [/**]}", "is the whole image"),
            ("permit: {setUserID: [su]}", "write for example /opt/su"),
            ("needs: {architecture: x86-64}", "'x86-64' is no level of the instruction set; write x86-64-v1"),
        ])
    func faultsOfContentNameLineAndRemedy(yaml: String, message: String) throws {
        let found = try Self.fault(Self.head + yaml)
        #expect(found.contains(message), "\(found)")
    }

    @Test func aliasesAreRefusedBeforeTheyGrow() throws {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 { bomb += "a\(level): &a\(level) [\(String(repeating: "*a\(level - 1), ", count: 9))]\n" }
        #expect(try Self.fault(bomb + "? *a11\n: 1\n").contains("/r.yaml:2: here is a YAML alias, *a0"))
        #expect(try Self.fault("name: &n os/d\nsuite: *n").contains("*n"))
        #expect(ComplexYAML.first(in: Array("a: [&x b,*x]".utf8))?.what == "a YAML alias, *x")
        #expect(ComplexYAML.first(in: Array("a: &x\u{2028}b\n\u{85}*x".utf8))?.line == 2)
    }

    @Test func deepNestingIsRefusedAtOnce() throws {
        for text in [String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000) + "a"] {
            #expect(try Self.fault(text).contains("no valid YAML"))
        }
        let keys = String(repeating: "? ", count: 900) + "[" + String(repeating: "a,", count: 120_000) + "]"
        #expect(try Self.fault(keys).contains("/r.yaml:1: here is one '?' of more than 32"))
    }

    @Test func scriptsMayLookALittleLikeYAML() throws {
        let script = "run 2>&1 &\nrm *1 *.o\na && b * c\ncurl 'u?a=1&b=2' *b\nsed 's,x,<&>,'\ncase $x in ? ) ;; esac\n"
        #expect(ComplexYAML.first(in: Array(script.utf8)) == nil)
        #expect(throws: Never.self) { _ = try Self.parse(Self.head + "check: ['a &b', 'ls *c', 'x ? y : z']") }
    }
}

@Suite struct PythonRequirementTests {
    private static let hash = "--hash=sha256:" + String(repeating: "0a", count: 32)

    @Test(arguments: [
        ("numpy", "numpy", "numpy", false),
        ("Foo._bar == 1.0", "Foo._bar==1.0", "foo-bar", true),
        ("requests[socks, use-chardet]>=2, <3,!=2.5.*", "requests[socks,use-chardet]>=2,<3,!=2.5.*", "requests", false),
        ("x~=1.4.5a4", "x~=1.4.5a4", "x", false),
        ("x==1!2.0.post1.dev2+local.7", "x==1!2.0.post1.dev2+local.7", "x", true),
        ("x==1.*", "x==1.*", "x", false),
        ("x===weird-1", "x===weird-1", "x", true),
    ])
    func linesAreRead(line: String, specifier: String, name: String, isPinned: Bool) throws {
        let requirement = try PythonRequirement(parsing: line)
        #expect(requirement.specifier == specifier && requirement.name == name)
        #expect(requirement.isPinned == isPinned && requirement.digests.isEmpty)
    }

    @Test func hashesAreRead() throws {
        let requirement = try PythonRequirement(parsing: "x==1  \(Self.hash) \(Self.hash)")
        #expect(requirement.digests.count == 2 && requirement.digests[0].hex.hasPrefix("0a0a"))
    }

    @Test(
        "A line that is refused says why",
        arguments: [
            ("a @ https://x.example/a.whl", "is an address"), ("git+https://x.example/a", "is an address"),
            ("a; python_version < '3'", "has a marker"), ("./a.whl", "is a path"), ("dist/a.whl", "is a path"),
            ("-r other.txt", "options belong to the host's pip"), ("a==1 --no-deps", "options belong"),
            ("a==1 --hash=sha512:00", "has a hash that is not sha256:"), ("a # note", "has a comment"),
            ("a>=1 \(hash)", "has a hash but not one version"), ("a==1.* \(hash)", "has a hash but not one version"),
            ("a b", "is no requirement"), ("a=1", "is no requirement"), ("a (==1)", "is no requirement"),
            ("a==1,", "is no requirement"), ("_a", "is no requirement"), ("", "names no package"),
            ("a==", "compares with no version"), ("a==1..2", "compares with no version"),
            ("a~=1", "compares with no version"), ("a>=1+local", "compares with no version"),
            ("a[", "has no ']'"), ("a[b,]", "extras that are no names"),
            ("a==1\nb==2", "several lines"), ("a\u{212A}==1", "other than plain ASCII"),
        ])
    func refusedLinesSayWhy(line: String, reason: String) throws {
        let error = try #require(throws: ImageFactoryError.self) { try PythonRequirement(parsing: line) }
        #expect(error.code == .invalidRecipe && error.message.contains(reason), "\(error)")
    }
}

@Suite struct RecipeBookTests {
    private let system = """
        name: os/debian12
        suite: bookworm
        packages: [ca-certificates, procps]
        kernel: kernel-debian12
        permit: {setUserID: [/usr/bin/su]}
        needs: {memory: 1GiB, architecture: x86-64-v2}
        environment:
          PATH: /usr/bin:/bin
        """
    private let software = """
        name: a/soft:1@debian12
        on: os/debian12
        packages: [python3]
        permit: {setUserID: [/opt/su]}
        needs: {memory: 512MiB, cores: 2}
        environment: {X: y}
        """

    private func withBook(_ files: [String: String], _ body: (RecipeBook, String) throws -> Void) throws {
        try ImageFixture.withDirectory { directory in
            for (name, text) in files { try write(text, to: "\(directory)/\(name)") }
            try body(RecipeBook(directories: ["\(directory)/none", directory]), directory)
        }
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test func chainsTakeFromTheirSystem() throws {
        try withBook(["d.yaml": system, "s.yaml": software]) { book, directory in
            let chain = try book.chain(of: try book.image(try Environment(parsing: "a/soft:1@debian12")))
            #expect(chain.layers.map(\.environment.os) == ["debian12", "debian12"])
            #expect(chain.layers.map(\.packages) == [["ca-certificates", "procps"], ["python3"]])
            #expect(chain.variables == ["PATH": "/usr/bin:/bin", "X": "y"])
            #expect(chain.suite?.suite == "bookworm" && chain.kernel == "kernel-debian12")
            #expect(chain.needs == ImageNeeds(memory: .gibibytes(1), cores: 2, architectureLevel: 2))
            #expect(chain.permitted.setUserID == ["/usr/bin/su", "/opt/su"])
            // From texts alone, as an image carries them.
            let texts = chain.layers.map { RecipeText(path: "recipe", bytes: $0.text.bytes) }
            let again = try RecipeChain(texts: texts)
            #expect(again.recipe.environment == chain.recipe.environment && again.variables == chain.variables)
            #expect(throws: ImageFactoryError(.invalidRecipe, "")) { try RecipeChain(texts: [texts[1]]) }
            #expect(throws: ImageFactoryError(.invalidRecipe, "")) { try RecipeChain(texts: [texts[1], texts[0]]) }
            #expect(throws: ImageFactoryError(.invalidRecipe, "")) { try RecipeChain(texts: []) }
            let real = try #require(realpath(directory, nil))
            defer { free(real) }
            #expect(chain.recipe.text.path == "\(String(cString: real))/s.yaml")
        }
    }

    @Test func packagesNeedASuiteBelow() throws {
        let container = "name: os/debian12\nfrom: oci:x\nkernel: kernel-x"
        try withBook(["d.yaml": container, "s.yaml": software]) { book, _ in
            let recipe = try book.image(try Environment(parsing: "a/soft:1@debian12"))
            let error = try #require(throws: ImageFactoryError.self) { try book.chain(of: recipe) }
            #expect(error.message.contains("is made from a container image"))
        }
    }

    @Test func recipesAreFoundByEverySpelling() throws {
        let kernel =
            "kind: kernel\nname: kernel-debian12\nsuite: bookworm\npackage: linux-image-amd64\nmodules: {boot: [erofs]}"
        try withBook(["d.yaml": system, "s.yml": software, "k.yaml": kernel]) { book, directory in
            for name in ["os/debian12", "@debian12", "debian12", "\(directory)/d.yaml"] {
                let recipe = try book.recipe(name)
                #expect(recipe.name == "os/debian12")
            }
            #expect(try book.recipe("a/soft:1@debian12").name == "a/soft:1@debian12")
            #expect(try book.kernel("kernel-debian12").bootModules == ["erofs"])
            #expect(throws: ImageFactoryError(.unknownRecipe, "")) { try book.kernel("os/debian12") }
            #expect(throws: ImageFactoryError(.unknownRecipe, "")) { try book.recipe("\(directory)/none.yaml") }
        }
    }

    @Test func unknownRecipesNameDirectoriesAndNearNames() throws {
        try withBook(["s.yaml": software]) { book, directory in
            let typo = try #require(throws: ImageFactoryError.self) { try book.recipe("a/sofd:1@debian12") }
            #expect(typo.code == .unknownRecipe && typo.message.contains("did you mean a/soft:1@debian12"))
            #expect(typo.message.contains("in \(directory)/none (not there), \(directory);"))
            let soft = try book.image(try Environment(parsing: "a/soft:1@debian12"))
            let base = try #require(throws: ImageFactoryError.self) { try book.chain(of: soft) }
            #expect(base.code == .unknownRecipe && base.description.contains("s.yaml stands on 'os/debian12'"))
            try write(software, to: "\(directory)/t.yaml")
            let twice = try #require(throws: ImageFactoryError.self) { try book.recipe("a/soft:1@debian12") }
            #expect(twice.message.contains("s.yaml, \(directory)/t.yaml"))
            try write("name: [", to: "\(directory)/bad.yaml")
            let broken = try #require(throws: ImageFactoryError.self) { try book.recipe("a/other:2@debian12") }
            #expect(broken.message.contains("bad.yaml:"))
        }
    }

    @Test func shippedRecipesAreSound() throws {
        let book = RecipeBook(directories: [RecipeSchemaTests.examples + "/recipes"])
        let software = ["lhc/pythia8:8.317.2@debian12", "lhc/pythia8:8.316.0@debian12"]
        for name in ["os/debian11", "os/debian12", "os/debian13"] + software {
            let chain = try book.chain(of: try book.image(try Environment(parsing: name)))
            #expect(chain.variables["PATH"] != nil && chain.permitted.setUserID.count == 11)
            #expect(throws: Never.self) { try book.kernel(chain.kernel) }
            for requirement in chain.recipe.requirements {
                #expect(requirement.isPinned && requirement.digests.count == 1)
            }
        }
        #expect(try book.kernel("kernel-debian11").suite.acceptsEndOfLife)
        let files = try Files.list(book.directories[0])
        #expect(files.count == 8)
        for file in files { #expect(throws: Never.self) { try book.recipe("\(book.directories[0])/\(file)") } }
    }
}
