import Attestation
import Foundation
import GridModel
import ImageFormat
import ImageStore
import StrictJSON
import Testing

/// Endorsed images that a site builds again from their documents. The image is of a container of a few files, which takes
/// seconds; one of Debian's packages, from the site's own mirror, is among the long tests.
@Suite struct RebuildPullTests {
    private let work: CataloguePlace
    private let publisher: Workshop
    private let server: LocalServer
    private let image: GridModel.Digest
    private static let environment = "lhc/tiny:1@debian12"

    init() throws {
        work = try CataloguePlace()
        publisher = try Workshop.apart(with: ["images", "inputs", "locks", "home.json"])
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: work.path("homes")), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: work.path("homes/publisher"), withDestinationPath: publisher.home)
        try publisher.shell(
            """
            mkdir -p tree/etc tree/usr/bin tree/opt; echo 'PRETTY_NAME="Tiny"' > tree/etc/os-release
            echo hello > tree/opt/file; tar --create --file one.tar --sort=name --directory tree .
            umoci init --layout layout; umoci new --image layout:v1; umoci raw add-layer --image layout:v1 one.tar
            umoci config --image layout:v1 --architecture amd64 --os linux --created 2026-01-02T03:04:05Z --no-history
            """)
        try publisher.place.write(
            "name: \(Self.environment)\nfrom: oci:layout:v1\nkernel: kernel-debian12\n", to: "tiny.yaml")
        image = try Digest(parsing: try publisher.built(publisher.path("tiny.yaml")))
        try publisher.export(image.description, to: work.path("inputs"))
        try work.begin()
        for name in ["kernel-debian12", Self.environment] { try work.publish([try work.endorse(name)]) }
        server = try LocalServer.files(of: URL(fileURLWithPath: work.catalogue))
        try follow()
    }

    private func follow() throws {
        let root = "\(work.catalogue)/metadata/1.root.json"
        try work.run("site", "site", "trust", server.url(""), "--name", "lhc", "--root", root)
        try work.run("site", "site", "sync", "--no-images")
    }

    private func pull(_ reference: String = environment, _ options: String...) throws -> Sojourn.Result {
        try work.result("site", ["image", "pull", reference, "--how", "rebuild"] + options)
    }

    private func refused(_ result: Sojourn.Result, saying words: String...) throws {
        #expect(result.status == 1, "\(result.output)\(result.error)")
        for word in words { #expect(result.error.contains(word), "'\(word)' is not in: \(result.error)") }
        let images = try work.store("site").images()
        #expect(images.isEmpty)
        let left = try FileManager.default.contentsOfDirectory(atPath: work.path("homes/site/cache"))
        #expect(left.filter { $0.hasPrefix("build-") } == [])
    }

    @Test func aSiteBuildsAnEndorsedImageAgainAndSignsThatItIsTheSame() throws {
        let statement = work.path("site.json")
        try work.key("site", "site-key")
        let result = try pull(
            Self.environment, "--inputs", work.path("inputs"), "--statement", statement, "--key", "site-key")
        try #require(result.status == 0, "\(result.error)")
        let store = try work.store("site")
        let taken = try store.image(reference: Self.environment)
        // It is the endorsed one, on whose word it runs; not one of the site's own.
        #expect(taken.digest == image && taken.isNewest && !taken.isBuiltHere)
        #expect(try store.verify(nil).faults.isEmpty)
        let explained = try work.run("site", "site", "explain", Self.environment).joined()
        #expect(explained.contains("alice"), "\(explained)")
        // Others read what was signed; the catalogue counts it.
        let said = try Oracle.envelope(statement, key: work.path("homes/site/keys/site-key.pub"))
        #expect(said["predicate"]?["identical"]?.bool == true)
        #expect(said["subjects"]?[0]?["sha256"]?.string == image.hex)
        #expect(try store.referrers(of: image).contains { $0.annotations?[Annotation.predicateType] == Rebuild.type })
        try work.publish(
            work.run(
                "publisher", "catalogue", "add-rebuilder", "site", work.path("homes/site/keys/site-key.pub"),
                "--catalogue", work.catalogue))
        let collected = try work.run("publisher", "catalogue", "collect", statement, "--catalogue", work.catalogue)
        #expect(collected.joined().contains("site"))
        let shown = try work.run("publisher", "catalogue", "show", work.catalogue).joined()
        #expect(shown.contains("1 independent: site"), "\(shown)")
    }

    /// A recipe of a stranger names files of its builder's host: those of this one are not looked at.
    @Test func withoutItsInputsOrWithOthersNothingIsBuilt() throws {
        try refused(try pull(), saying: "--inputs DIR")
        let inputs = try FileManager.default.contentsOfDirectory(atPath: work.path("inputs/sha256"))
        let lock = try publisher.json(work.path("inputs/lock.json"))
        let layer = try #require(lock["layers"]?[0]?["container"]?["blobs"]?.array?.last?["digest"]?.string)
        #expect(inputs.contains(String(layer.dropFirst(7))))
        try Data("other".utf8).write(to: URL(fileURLWithPath: work.path("inputs/sha256/\(layer.dropFirst(7))")))
        try refused(try pull(Self.environment, "--inputs", work.path("inputs")), saying: "--inputs DIR")
    }

    @Test func aLockThatTheServerChangedIsRefused() throws {
        let manifest = try publisher.json(publisher.blob(image.description))
        let lock = try #require(
            manifest["layers"]?.array?.first { $0["mediaType"]?.string == MediaType.lock }?["digest"]?.string)
        let served = "\(work.catalogue)/blobs/sha256/\(lock.dropFirst(7))"
        let text = try String(contentsOfFile: served, encoding: .utf8)
        try FileManager.default.removeItem(atPath: served)
        try text.replacing("layer 0", with: "layer 9").write(toFile: served, atomically: true, encoding: .utf8)
        try refused(try pull(Self.environment, "--inputs", work.path("inputs")), saying: String(lock.dropFirst(7)))
    }

    /// What recipe and lock do not give is found by whoever builds them, though it is endorsed.
    @Test func anEndorsedImageThatItsRecipeDoesNotGiveIsNotTaken() throws {
        let store = try work.store("publisher")
        var manifest = try store.image(reference: image.description).manifest
        manifest.annotations?["org.example.more"] = "than the recipe says"
        let other = try store.register(manifest, as: Self.environment, at: Timestamp(seconds: 1_900_000_000))
        try store.makeNewest(other)
        try work.publish([try work.endorse(other.description)])
        try work.run("site", "site", "sync", "--no-images")
        let result = try pull(other.description, "--inputs", work.path("inputs"), "--statement", work.path("no.json"))
        try refused(result, saying: image.description, "is endorsed, and is not taken")
        #expect(!FileManager.default.fileExists(atPath: work.path("no.json")))
    }

    @Test(.enabled(if: Sojourn.isLong))
    func debianIsBuiltAgainWithPackagesOfTheSitesOwnMirror() throws {
        // Locked today: a mirror holds one version of each package.
        let digest = try publisher.built("os/debian12", ["--fresh"])
        try work.publish([try work.endorse(digest)])
        try work.run("site", "site", "sync", "--no-images")
        let result = try work.home("site")(
            ["image", "pull", digest, "--how", "rebuild"], in: work.place.url, deadline: .seconds(1200))
        try #require(result.status == 0, "\(result.error)")
        #expect(try work.store("site").image(reference: digest).digest.description == digest)
    }
}
