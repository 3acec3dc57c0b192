import Foundation
import StrictJSON
import Testing

/// The images of the installed recipes: each builds, boots and passes its checks.
@Suite struct FactoryImageTests {
    let workshop: Workshop

    init() throws { workshop = try Workshop() }

    @Test(arguments: [
        ("os/debian11", "Debian GNU/Linux 11 (bullseye)"), ("os/debian12", "Debian GNU/Linux 12 (bookworm)"),
        ("os/debian13", "Debian GNU/Linux 13 (trixie)"),
        ("lhc/pythia8:8.317.2@debian12", "Debian GNU/Linux 12 (bookworm)"),
        ("lhc/pythia8:8.316.0@debian12", "Debian GNU/Linux 12 (bookworm)"),
    ])
    func anInstalledRecipeMakesAnImageThatBootsAndIsChecked(_ environment: String, _ system: String) throws {
        let digest = try workshop.ensure(environment)
        #expect(try workshop.run(environment, ". /etc/os-release; echo $PRETTY_NAME") == "\(system)\n")
        #expect(try workshop.referrers(of: digest, FactoryCheckTests.resultType).count >= 1)
        #expect(try workshop.show(environment)["system"]?.string == system)
    }

    @Test func twoReleasesOfTheSoftwareAreTwoVersionsOnOneSystem() throws {
        for version in ["8.317.2", "8.316.0"] {
            let environment = "lhc/pythia8:\(version)@debian12"
            _ = try workshop.ensure(environment)
            let command = "python3 -c 'import importlib.metadata as m; print(m.version(\"pythia8mc\"))'"
            #expect(try workshop.run(environment, command) == "\(version)\n")
        }
    }

    // MARK: Kernels

    @Test func anOldUserlandRunsOnANewKernel() throws {
        _ = try workshop.ensure("os/debian11")
        let result = try workshop.sojourn.run(
            ["--os", "debian11", "--kernel", "kernel-debian13"],
            ["sh", "-c", "uname -r; cat /etc/debian_version; cat $SOJOURN_ENVIRONMENT"], in: workshop.place.url)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.hasPrefix("6.12."))
        #expect(result.output.contains("\n11."))
        let text = try #require(result.output.firstIndex(of: "{").map { String(result.output[$0...]) })
        let document = try StrictJSON.decode(JSONValue.self, from: Array(text.utf8), source: "environment.json")
        #expect(document["kernel"]?["name"]?.string == "kernel-debian13")
        #expect(document["kernel"]?["isImagesOwn"]?.bool == false)
    }

    @Test func aKernelThatIsNotThereIsRefused() throws {
        for (kernel, words) in [
            ("kernel-debian99", ["kernel-debian99", "no recipe"]), ("0123456789abcdef", ["0123456789abcdef"]),
            ("os/debian12", ["os/debian12"]),
        ] {
            let result = try workshop.sojourn.run(
                ["--os", "debian12", "--kernel", kernel], ["true"], in: workshop.place.url)
            #expect(result.status == 125, "\(kernel): \(result.error)")
            for word in words { #expect(result.error.contains(word), "\(result.error)") }
        }
    }

    // MARK: The end of a suite's life

    @Test(arguments: ["debian11", "kernel-debian11"])
    func aSuitePastItsEndIsRefusedUntilTheRecipeAcceptsIt(_ name: String) throws {
        let prefix = URL(fileURLWithPath: workshop.sojourn.program).deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = prefix.appendingPathComponent("share/sojourn/recipes/\(name).yaml")
        let text = try String(contentsOf: path, encoding: .utf8)
        try #require(text.contains("acceptEndOfLife: true\n"))
        try workshop.place.write(text.replacing("acceptEndOfLife: true\n", with: ""), to: "old.yaml")
        try workshop.refused(
            workshop.path("old.yaml"), ["--lock", "new.lock"], saying: "old.yaml", "bullseye", "end of life",
            "acceptEndOfLife: true")
    }

    @Test func aBuildOfASuitePastItsEndSaysSo() throws {
        let result = try workshop.build("os/debian11")
        _ = try Workshop.digest(result)
        let apart = try Workshop.apart()
        let recipe = try apart.recipe("test/old:1@debian11", on: "os/debian11")
        let built = try apart.build(recipe)
        _ = try Workshop.digest(built)
        #expect(built.error.contains("end of life"), "\(built.error)")
    }
}
