import Foundation
import Testing

@testable import GridModel
@testable import ImageFactory
@testable import ImageFormat
@testable import ImageStore

@Suite struct RecipeTests {
    private let system = """
        name: os/debian12
        suite: bookworm
        packages: [ca-certificates, procps]
        kernel: kernel-debian12
        environment:
          PATH: /usr/bin:/bin
        """

    private func parse(_ yaml: String) throws -> Recipe {
        try Recipe(parsing: RecipeText(path: "r.yaml", bytes: Array(yaml.utf8)))
    }

    private func fault(_ yaml: String) throws -> String {
        let error = try #require(throws: ImageFactoryError.self) { _ = try parse(yaml) }
        #expect(error.code == .invalidRecipe)
        return error.message
    }

    @Test func systemRecipeIsRead() throws {
        guard case .image(let recipe) = try parse(system) else { throw CancellationError() }
        #expect(recipe.environment.description == "os/debian12")
        #expect(recipe.suite == SuiteChoice(suite: "bookworm", components: ["main"], acceptsEndOfLife: false))
        #expect(recipe.packages == ["ca-certificates", "procps"])
        #expect(recipe.variables == ["PATH": "/usr/bin:/bin"])
        #expect(recipe.kernel == "kernel-debian12")
    }

    @Test(
        "A fault names file, line and remedy",
        arguments: [
            ("name: os/debian12\nsuit: bookworm\nkernel: kernel-x", "r.yaml:1: the key 'suite' is missing"),
            (
                "name: os/debian12\nsuite: bookworm\nkernel: kernel-x\npakages: [a]",
                "r.yaml:4: unknown key 'pakages'; did you mean packages"
            ),
            (
                "name: os/debian12\nsuite: bookworm\nkernel: kernel-x\npackages: procps",
                "r.yaml:4: 'packages' must be a list"
            ),
            ("name: os/debian12\nsuite: [bookworm]\nkernel: kernel-x", "r.yaml:2: 'suite' must be a single value"),
            (
                "name: os/debian12\nsuite: bookworm\nkernel: kernel-x\npackages:\n  - procps\n  - Bad_Name",
                "r.yaml:6: 'Bad_Name'"
            ),
            ("\n\nname: debian12\nsuite: bookworm", "r.yaml:3: 'name': 'debian12' is no environment"),
            ("suite: bookworm", "r.yaml:1: the key 'name' is missing"),
            ("name: os/debian12\nsuite: bookworm", "r.yaml:1: the key 'kernel' is missing"),
            ("name: os/debian12\nsuite: bookworm\nkernel: linux", "r.yaml:3: 'kernel': 'linux' is no name of a kernel"),
            ("name: os/d\nsuite: s\nkernel: kernel-x\nneeds:\n  memory: much", "r.yaml:5: 'memory': 'much' is no size"),
            (
                "name: os/d\nsuite: s\nkernel: kernel-x\nenvironment:\n  A B: c",
                "'A B' is no name of an environment variable"
            ),
            (
                "name: os/d\nsuite: s\nkernel: kernel-x\nacceptEndOfLife: perhaps",
                "r.yaml:4: 'acceptEndOfLife' must be true or false"
            ),
            ("name: a/b:1@d\nsuite: s\nkernel: kernel-x", "the key 'on' is missing"),
            ("name: a/b:1@d\non: os/e", "r.yaml:2: 'on' must be the system of 'a/b:1@d': os/d"),
            ("name: os/d\non: os/d", "r.yaml:2: 'os/d' is a system"),
            (
                "name: a/b:1@d\non: os/d\npython:\n  - wheel: x\n    tag: cp311-cp311-any\n    sha256: a",
                "r.yaml:6: 'sha256'"
            ),
            ("kind: thing\nname: x", "r.yaml:1: 'kind: thing' is not known"),
            ("name: os/d\nname: os/e", "r.yaml:"),
            ("name: [", "r.yaml:"),
            ("- a", "r.yaml:1: a recipe must be a list of 'key: value' lines"),
            ("", "r.yaml:1: the recipe is empty"),
        ])
    func faultsNameFileLineAndRemedy(yaml: String, message: String) throws {
        let found = try fault(yaml)
        #expect(found.contains(message), "\(found)")
    }

    @Test func wheelsArePinned() throws {
        let head = "name: a/b:1@d\non: os/d\npython:\n"
        let hex = String(repeating: "0a", count: 32)
        let tag = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"
        guard case .image(let recipe) = try parse("\(head)  - wheel: x==1.2\n    tag: \(tag)\n    sha256: \(hex)")
        else {
            throw CancellationError()
        }
        #expect(recipe.wheels[0].fileName == "x-1.2-\(tag).whl")
        #expect(recipe.wheels[0].pythonVersion == "3.11")
        #expect(recipe.wheels[0].parts.platforms == ["manylinux_2_17_x86_64", "manylinux2014_x86_64"])
        #expect(
            try fault("\(head)  - wheel: x>=1.2\n    tag: \(tag)\n    sha256: \(hex)").contains("write NAME==VERSION"))
    }

    @Test func bookFindsCompletesAndSuggests() throws {
        try ImageFixture.withDirectory { directory in
            func write(_ name: String, _ text: String) throws {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name).yaml"))
            }
            try write("debian12", system)
            try write("soft", "name: a/soft:1@debian12\non: os/debian12\npackages: [python3]\nenvironment: {X: y}")
            try write(
                "k",
                "kind: kernel\nname: kernel-debian12\nsuite: bookworm\npackage: linux-image-amd64\nmodules: {boot: [erofs]}"
            )
            let book = RecipeBook(directories: ["\(directory)/none", directory])
            let whole = try book.image(try Environment(parsing: "a/soft:1@debian12"))
            #expect(whole.packages == ["ca-certificates", "procps", "python3"])
            #expect(whole.variables == ["PATH": "/usr/bin:/bin", "X": "y"])
            #expect(whole.suite?.suite == "bookworm" && whole.kernel == "kernel-debian12" && whole.texts.count == 2)
            #expect(try book.kernel("kernel-debian12").bootModules == ["erofs"])
            #expect(try book.recipe("@debian12").name == "os/debian12")
            let typo = try #require(throws: ImageFactoryError.self) { try book.recipe("a/sofd:1@debian12") }
            #expect(typo.code == .unknownRecipe && typo.message.contains("a/soft:1@debian12"))
            try write("bad", "name: [")
            let broken = try #require(throws: ImageFactoryError.self) { try book.recipe("a/other:2@debian12") }
            #expect(broken.message.contains("bad.yaml:"))
            #expect(try book.names() == ["a/soft:1@debian12", "kernel-debian12", "os/debian12"])
        }
    }

    @Test func shippedRecipesAreSound() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let book = RecipeBook(directories: [root.appendingPathComponent("Examples/recipes").path])
        for name in ["os/debian11", "os/debian12", "os/debian13", "lhc/pythia8:8.317.2@debian12"] {
            let recipe = try book.image(try Environment(parsing: name))
            #expect(recipe.variables["PATH"] != nil)
            #expect(throws: Never.self) { try book.kernel(try #require(recipe.kernel)) }
        }
    }
}
