import Attestation
import Foundation
import GridModel
import ImageFormat
import ImageStore
import StrictJSON
import Testing
import Trust

/// Statements that images were rebuilt: gathered, counted, required. Images of a few bytes.
@Suite struct CatalogueRebuildTests {
    let work: CataloguePlace
    private let environment = "lhc/a:1@debian12"
    private let image: GridModel.Digest
    private let nikhef = PrivateKey.generate(.ed25519)
    private let desy = PrivateKey.generate(.p256)

    init() throws {
        work = try CataloguePlace()
        try work.begin()
        image = try work.lockedImage(environment, in: "publisher")
    }

    // MARK: Keys and statements

    private func add(_ rebuilders: [(String, PrivateKey)]) throws {
        for (name, key) in rebuilders {
            let file = try work.file(key.publicKey.pem, "\(name).pub")
            try work.publish(
                work.run("publisher", "catalogue", "add-rebuilder", name, file, "--catalogue", work.catalogue))
        }
    }

    private func require(_ count: Int) throws {
        try work.publish(
            work.run(
                "publisher", "catalogue", "add-experiment", "lhc", "--endorser", "alice", "--require-rebuilds",
                "\(count)", "--replace", "--catalogue", work.catalogue))
    }

    /// Signs that an image of the publisher's home was rebuilt, and writes that into a file.
    private func statement(
        by key: PrivateKey, of image: GridModel.Digest? = nil, at time: Timestamp = Timestamp(seconds: 1_800_000_000)
    ) throws -> String {
        let artifact = try work.store("publisher").artifact(reference: (image ?? self.image).description)
        let statement = try RebuildStatement(
            .init(name: artifact.name, digest: artifact.digest), artifact.manifest, tools: ["erofs-utils": "1.5"],
            at: time, version: "1.0", signedBy: key)
        return try work.file(
            String(decoding: statement.bytes, as: UTF8.self), "\(key.publicKey.id.hex.prefix(8))-\(UUID()).json")
    }

    private func collect(_ sources: [String]) throws -> Sojourn.Result {
        try work.result("publisher", ["catalogue", "collect"] + sources + ["--catalogue", work.catalogue])
    }

    private func entry() throws -> JSONValue? {
        try work.json("publisher", "catalogue", "show", work.catalogue)["experiments"]?.array?
            .first { $0["name"]?.string == "lhc" }?["entries"]?[0]?["rebuilds"]
    }

    // MARK: Requiring

    @Test func anImageIsPublishedWhenEnoughHaveRebuiltIt() throws {
        try add([("nikhef", nikhef), ("desy", desy)])
        try require(2)
        let draft = try work.endorse(environment)
        let publish = ["catalogue", "publish", draft, "--catalogue", work.catalogue]
        try work.refused("publisher", publish, saying: "0 of the 2", "sojourn image rebuild", "catalogue collect")
        let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(work.catalogue)/blobs/sha256")
        #expect(!blobs.contains(image.hex))
        let first = try collect([try statement(by: nikhef)])
        #expect(first.status == 0 && first.output.contains("nikhef"), "\(first.error)")
        try work.refused("publisher", publish, saying: "1 of the 2", "1 independent: nikhef")
        // The second over http.
        let name = URL(fileURLWithPath: try statement(by: desy)).lastPathComponent
        let server = try LocalServer.files(of: work.place.url)
        let second = try collect([server.url(name)])
        #expect(second.status == 0 && second.output.contains("desy"), "\(second.error)")
        try work.publish([draft])
        #expect(try entry()?["independent"] == ["desy", "nikhef"])
        let shown = try work.run("publisher", "catalogue", "show", work.catalogue).joined(separator: "\n")
        #expect(shown.contains("2 independent: desy, nikhef") && shown.contains("rebuilder nikhef"), "\(shown)")
        let history = try work.json("publisher", "catalogue", "history", work.catalogue, "lhc")
        #expect(history[0]?["rebuilds"]?["independent"] == ["desy", "nikhef"])
        // One who counts no more.
        try work.publish(
            work.run("publisher", "catalogue", "remove-rebuilder", "desy", "--catalogue", work.catalogue))
        #expect(try entry()?["independent"] == ["nikhef"])
        #expect(try entry()?["others"] == 1)
        try work.follow(["lhc/a=1@debian12/\(image.hex)"])
    }

    @Test func aPublisherMayRequireMoreThanTheCatalogue() throws {
        try add([("nikhef", nikhef)])
        let draft = try work.endorse(environment)
        try #require(collect([try statement(by: nikhef)]).status == 0)
        try work.refused(
            "publisher", ["catalogue", "publish", draft, "--require-rebuilds", "2", "--catalogue", work.catalogue],
            saying: "1 of the 2", "--require-rebuilds asks for")
        let result = try work.result(
            "publisher", ["catalogue", "publish", draft, "--require-rebuilds", "1", "--catalogue", work.catalogue])
        #expect(result.status == 0, "\(result.error)")
    }

    // MARK: Counting

    @Test func strangersEndorsersAndBuildersDoNotCount() throws {
        let builder = PrivateKey.generate(.ed25519)
        try add([("nikhef", nikhef), ("builder", builder)])
        try work.claim(built: image, by: builder, in: "publisher")
        try work.publish([try work.endorse(environment)])
        let stranger = PrivateKey.generate(.ed25519)
        let pem = try Data(contentsOf: URL(fileURLWithPath: work.path("homes/publisher/keys/alice.pem")))
        guard case .plain(let alice) = try PrivateKeyDocument(pem: Array(pem), source: "alice") else { return }
        for key in [stranger, alice, builder] {
            let result = try collect([try statement(by: key)])
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.contains("not a rebuilder") == (key.publicKey != builder.publicKey))
        }
        #expect(try entry()?["independent"] == [])
        #expect(try entry()?["others"] == 3)
        // Nobody who endorses can be listed.
        try work.refused(
            "publisher", ["catalogue", "add-rebuilder", "alice", "alice", "--catalogue", work.catalogue],
            saying: "endorses for lhc")
        try work.refused(
            "publisher",
            [
                "catalogue", "add-rebuilder", "other", try work.file(nikhef.publicKey.pem, "again.pub"), "--catalogue",
                work.catalogue,
            ], saying: "nikhef")
        // The stranger is listed later: what was collected counts from then on.
        try add([("late", stranger)])
        #expect(try entry()?["independent"] == ["late"])
    }

    @Test func oneKeyCountsOnceHoweverOftenItSpeaks() throws {
        try add([("nikhef", nikhef)])
        try work.publish([try work.endorse(environment)])
        let early = try statement(by: nikhef, at: Timestamp(seconds: 1_700_000_000))
        let late = try statement(by: nikhef)
        let result = try collect([early, late, early])
        #expect(result.status == 0 && result.output.contains("known"), "\(result.output)\(result.error)")
        #expect(try entry()?["independent"] == ["nikhef"])
        let kept = try FileManager.default.contentsOfDirectory(atPath: "\(work.catalogue)/rebuilds/sha256/\(image.hex)")
        #expect(kept == ["\(nikhef.publicKey.id.hex).json"])
    }

    // MARK: Refusing

    @Test func whatIsForgedOrOfSomethingElseIsNotTaken() throws {
        try add([("nikhef", nikhef)])
        try work.publish([try work.endorse(environment)])
        let good = try statement(by: nikhef)
        let bytes = try String(contentsOfFile: good, encoding: .utf8)
        let envelope = try Envelope(decoding: Array(bytes.utf8), source: "good")
        let text = String(decoding: envelope.payload, as: UTF8.self)
        // Signed by a stranger with the key of nikhef in it; changed after it was signed.
        let posing = try Envelope(
            signing: Array(text.utf8), as: Envelope.inToto, with: PrivateKey.generate(.ed25519))
        var changed = Envelope(
            payloadType: Envelope.inToto,
            payload: Array(text.replacing("\"version\":\"1.0\"", with: "\"version\":\"2.0\"").utf8))
        try changed.sign(with: nikhef)
        let mixed = String(decoding: try changed.encoded(), as: UTF8.self)
            .replacing(
                Self.signature(in: String(decoding: try changed.encoded(), as: UTF8.self)),
                with: Self.signature(in: bytes))
        // Another lock, and other filesystems, under the image's digest.
        let lock = try RebuildStatement(decoding: Array(bytes.utf8), source: "good").rebuild.lock
        let otherLock = try Envelope(
            signing: Array(text.replacing(lock.hex, with: image.hex).utf8), as: Envelope.inToto, with: nikhef)
        for (what, words) in [
            (String(decoding: try posing.encoded(), as: UTF8.self), "not believed"),
            (mixed, "not believed"), (String(decoding: try otherLock.encoded(), as: UTF8.self), "another lock"),
            (String(bytes.prefix(bytes.utf8.count / 2)), "no signed envelope"), ("", "no signed envelope"),
        ] {
            let result = try collect([try work.file(what, "bad.json")])
            #expect(result.status == 1 && result.error.contains(words), "\(words): \(result.error)")
        }
        // About an image that nobody endorses; and one that is, in the place of this one.
        let second = try work.lockedImage("lhc/b:1@debian12", in: "publisher", content: 2)
        let foreign = try collect([try statement(by: nikhef, of: second), good])
        #expect(foreign.status == 1 && foreign.error.contains("does not endorse"), "\(foreign.error)")
        #expect(foreign.output.contains("nikhef"))
        try work.publish([try work.endorse("lhc/b:1@debian12")])
        let place = "\(work.catalogue)/rebuilds/sha256/"
        try FileManager.default.copyItem(atPath: place + image.hex, toPath: place + second.hex)
        let shown = try work.json("publisher", "catalogue", "show", work.catalogue)["experiments"]?[0]?["entries"]
        #expect(shown?.array?.compactMap { $0["rebuilds"]?["independent"]?.array?.count } == [1, 0])
        // Not there at all.
        let missing = try collect([work.path("nowhere.json"), "http://127.0.0.1:1/x"])
        #expect(missing.status == 1 && missing.error.contains("nowhere.json"))
    }

    private static func signature(in envelope: String) -> String {
        String((envelope.components(separatedBy: "\"sig\":\"").last ?? "").prefix { $0 != "\"" })
    }

    // MARK: Registries

    @Test func statementsTravelByARegistryBesideTheImage() throws {
        let registry = try RegistryServer()
        let target = registry.reference("lhc/a:1")
        try add([("nikhef", nikhef), ("desy", desy)])
        try work.run("publisher", "image", "push", environment, target)
        // Two sites state at once, each from a home of its own.
        let pushes = try [("one", nikhef), ("two", desy)].map { home, key in
            #expect(try work.lockedImage(environment, in: home) == image)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: statement(by: key)))
            try work.store(home).attach(
                Array(bytes), mediaType: MediaType.envelope, artifactType: MediaType.envelope, to: image,
                annotations: [Annotation.predicateType: Rebuild.type])
            return try work.home(home).start(["image", "push", environment, target, "--statements"])
        }
        for push in pushes {
            let result = try push.finish(within: .seconds(60))
            #expect(result.status == 0, "\(result.error)")
        }
        try work.publish([try work.endorse(environment)])
        let result = try collect([target])
        #expect(
            result.status == 0 && result.output.contains("nikhef") && result.output.contains("desy"), "\(result.error)")
        #expect(try entry()?["independent"] == ["desy", "nikhef"])
        let all = try collect([registry.reference("lhc/a"), "\(registry.reference("lhc/a"))@\(image)"])
        #expect(all.status == 0 && all.output.contains("known"), "\(all.error)")
        let none = try collect([registry.reference("lhc/a:2")])
        #expect(none.status == 1 && none.error.contains("there is no oci://"), "\(none.error)")
    }
}
