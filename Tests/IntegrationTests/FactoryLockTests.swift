import Foundation
import StrictJSON
import Testing

/// Locks: who makes them, where they are, what they are good for.
@Suite struct FactoryLockTests {
    private static let name = "test/locked:1@debian12"
    private static let file = "test~locked=1@debian12.json"
    private static let text = "files: [{path: /opt/a, content: a}]"

    @Test func theHomeKeepsALockAndTheNextBuildFollowsIt() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, Self.text)
        let digest = try workshop.built(recipe)
        #expect(try workshop.list("locks").contains(Self.file))
        let again = try workshop.build(recipe, ["--locked"])
        #expect(try Workshop.digest(again) == digest)
        #expect(again.error == "", "nothing was to be done")
        #expect(try workshop.show(Self.name, "--lock") == workshop.json("\(workshop.home)/locks/\(Self.file)"))
    }

    @Test func aNamedLockIsWrittenWhereThereIsNoneAndReadWhereThereIs() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, Self.text)
        let digest = try workshop.built(recipe, ["--lock", "my.lock"])
        let lock = workshop.place.text("my.lock")
        #expect(lock.contains(Self.name))
        #expect(try !workshop.list("locks").contains(Self.file))
        let other = try Workshop.apart()
        #expect(try other.built(recipe, ["--locked", "--lock", workshop.path("my.lock")]) == digest)
        #expect(workshop.place.text("my.lock") == lock)
    }

    @Test func lockedRefusesToChoose() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, Self.text)
        try workshop.refused(recipe, ["--locked"], saying: Self.name, "there is none", "leave out --locked")
        try workshop.refused(recipe, ["--locked", "--lock", "none.json"], saying: "none.json", "there is none")
        #expect(try !workshop.list("locks").contains(Self.file))
        try workshop.built(recipe)
        try workshop.refused(recipe, ["--locked", "--fresh"], saying: "--fresh", "--locked")
        try workshop.recipe(Self.name, "\(Self.text)\n# another text")
        try workshop.refused(recipe, ["--locked"], saying: "another text of the recipe", "leave out --locked")
    }

    @Test func aLockOfAnotherTextIsRefusedUntilANewOneIsWanted() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, Self.text)
        try workshop.built(recipe, ["--lock", "my.lock"])
        let old = workshop.place.text("my.lock")
        try workshop.recipe(Self.name, "\(Self.text)\n# another text")
        try workshop.refused(
            recipe, ["--lock", "my.lock"], saying: "my.lock", "another text of the recipe \(Self.name)", "--fresh")
        #expect(workshop.place.text("my.lock") == old)
        try workshop.built(recipe, ["--lock", "my.lock", "--fresh"])
        #expect(workshop.place.text("my.lock") != old)
    }

    @Test func aChangedRecipeIsLockedAnewAndTheSystemBelowStays() throws {
        let workshop = try Workshop.apart()
        let system = workshop.home + "/locks/os~debian12.json"
        let (lock, modified) = (try workshop.json(system), try modification(of: system))
        let base = try workshop.layers("os/debian12")
        let recipe = try workshop.recipe(Self.name, "packages: [bzip2]")
        let first = try workshop.built(recipe)
        #expect(try workshop.layers(Self.name).first == base.first)
        try workshop.recipe(Self.name, "packages: [bzip2]\nfiles: [{path: /opt/a, content: a}]")
        let changed = try workshop.build(recipe)
        #expect(try Workshop.digest(changed) != first)
        #expect(!changed.error.contains("os/debian12: installing"))
        #expect(try workshop.layers(Self.name).first == base.first)
        #expect(try workshop.json(system) == lock)
        #expect(try modification(of: system) == modified)
        let locked = try workshop.show(Self.name, "--lock")["layers"]?[1]?["packages"]?.array
        #expect(locked?.compactMap { $0["name"]?.string } == ["bzip2"])
    }

    private func modification(of path: String) throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    }

    @Test func nothingIsWrittenBesideTheRecipe() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, Self.text)
        let script = """
            mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && ! touch new 2>&-
            exec '\(workshop.sojourn.program)' image build '\(recipe)' --no-check --home '\(workshop.home)'
            """
        let result = try Workshop.tool("/usr/bin/unshare", ["--mount", "sh", "-euc", script], in: workshop.place.url)
        _ = try Workshop.digest(result)
        #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.directory) == ["recipe.yaml"])
    }

    // MARK: What the archive no longer has, and what is not what it should be

    /// A lock with one package, and that package's entry changed; its inputs are not kept.
    private func changedLock(_ workshop: Workshop, _ change: (inout [String: JSONValue]) -> Void) throws {
        var lock = try #require(try workshop.json(workshop.path("my.lock")).object)
        var layers = try #require(lock["layers"]?.array)
        var layer = try #require(layers.last?.object)
        var package = try #require(layer["packages"]?[0]?.object)
        change(&package)
        package["digest"] = .string("sha256:" + String(repeating: "1", count: 64))
        layer["packages"] = .array([.object(package)])
        layers[layers.count - 1] = .object(layer)
        lock["layers"] = .array(layers)
        let bytes = try StrictJSON.encode(JSONValue.object(lock), pretty: true)
        try workshop.place.write(String(decoding: bytes, as: UTF8.self), to: "my.lock")
    }

    @Test func aLockedPackageThatTheMirrorHasNoLongerIsNamedAndNoneTakenInItsPlace() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, "packages: [bzip2]")
        try workshop.built(recipe, ["--lock", "my.lock"])
        try changedLock(workshop) { $0["version"] = .string("1.0.8-0gone1") }
        try workshop.refused(
            recipe, ["--lock", "my.lock"], saying: "no longer", "bzip2 1.0.8-0gone1", "--inputs", "--fresh")
        try workshop.expectNothingHalfDone()
    }

    @Test func aPackageThatIsNotWhatTheLockSaysIsRefused() throws {
        let workshop = try Workshop.apart()
        let recipe = try workshop.recipe(Self.name, "packages: [bzip2]")
        try workshop.built(recipe, ["--lock", "my.lock"])
        try changedLock(workshop) { _ in }
        try workshop.refused(
            recipe, ["--lock", "my.lock"], saying: "bzip2", "expected sha256:1111111111", "sha256")
        try workshop.expectNothingHalfDone()
    }

    @Test func aWheelThatIsNotWhatTheRecipeSaysIsRefused() throws {
        let workshop = try Workshop.apart()
        let hash = String(repeating: "1", count: 64)
        let recipe = try workshop.recipe(
            Self.name, "packages: [python3]\npython: [six==1.16.0 --hash=sha256:\(hash)]")
        try workshop.refused(recipe, saying: "six", "Expected sha256 \(hash)")
        #expect(try !workshop.list("locks").contains(Self.file))
    }
}
