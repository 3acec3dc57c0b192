import GridModel
import ImageFormat
import ImageStore
import StrictJSON
import Testing

@testable import Attestation
@testable import ImageFactory
@testable import Trust

/// What a rebuild goes by and what is said of it, without building.
@Suite struct RebuildTests {
    private static let time = Timestamp(seconds: 1_800_000_000)
    private static let environment = "test/a:1@debian12"

    private struct Documents {
        let manifest: OCIManifest
        let bytes: [UInt8]
        let digest: GridModel.Digest
        var blobs: [GridModel.Digest: [UInt8]] = [:]

        init(recipe: String = "name: \(environment)\n", lockedTo other: String? = nil) throws {
            var blobs: [GridModel.Digest: [UInt8]] = [:]
            func add(_ bytes: [UInt8], _ type: String) -> OCIDescriptor {
                let digest = BlobHash.digest(of: bytes)
                blobs[digest] = bytes
                return OCIDescriptor(mediaType: type, digest: digest, size: Int64(bytes.count))
            }
            let text = add(Array(recipe.utf8), MediaType.recipe)
            let locked = BlobHash.digest(of: Array((other ?? recipe).utf8))
            let lock = Lock(kernel: nil, layers: [Lock.Layer(name: environment, recipe: locked, time: time)])
            let layers = [
                add([1, 2, 3], MediaType.layer), text, add(try lock.encoded(), MediaType.lock),
            ]
            manifest = OCIManifest(
                artifactType: MediaType.image, config: add(Array("{}".utf8), MediaType.imageConfiguration),
                layers: layers)
            bytes = try manifest.encoded()
            digest = BlobHash.digest(of: bytes)
            self.blobs = blobs
        }

        func source(changing type: String? = nil) throws -> RebuildSource {
            try RebuildSource(manifest: bytes, digest) { blob in
                let bytes = try #require(blobs[blob.digest])
                return blob.mediaType == type ? bytes + [32] : bytes
            }
        }
    }

    @Test func documentsOfAnotherContentAreRefused() throws {
        let documents = try Documents()
        #expect(try documents.source().name == Self.environment)
        for type in [MediaType.lock, MediaType.recipe] {
            #expect(throws: ImageFactoryError(.wrongInput, "")) { try documents.source(changing: type) }
        }
        #expect(throws: ImageFactoryError(.wrongInput, "")) {
            try RebuildSource(manifest: documents.bytes + [32], documents.digest) { _ in [] }
        }
    }

    @Test func aLockOfOtherRecipesIsRefused() throws {
        try Documents().source().checkLock()
        let other = try Documents(lockedTo: "name: other\n").source()
        #expect(throws: ImageFactoryError(.locked, "")) { try other.checkLock() }
    }

    @Test(arguments: KeyType.allCases)
    func aStatementTellsWhoseItIsAndAboutWhat(_ type: KeyType) throws {
        let documents = try Documents()
        let key = PrivateKey.generate(type)
        let made = try RebuildStatement(
            .init(name: Self.environment, digest: documents.digest), documents.manifest, tools: ["erofs-utils": "1.5"],
            at: Self.time, version: "1.0", signedBy: key)
        let read = try RebuildStatement(decoding: made.bytes, source: "test")
        #expect(read.signer == key.publicKey && read.image == documents.digest && read.name == Self.environment)
        #expect(read.parts == [documents.manifest.layers[0].digest])
        #expect(read.rebuild.rebuilt == Self.time && read.rebuild.tools == ["erofs-utils": "1.5"])
        try read.check(against: documents.manifest, documents.digest, source: "test")
        let other = try Documents(recipe: "name: \(Self.environment) # other\n")
        #expect(throws: AttestationError(.malformedStatement, "")) {
            try read.check(against: other.manifest, other.digest, source: "test")
        }
    }

    /// Every byte of an envelope counts, or says nothing.
    @Test func noChangedStatementIsTakenForAnother() throws {
        let documents = try Documents()
        let made = try RebuildStatement(
            .init(name: Self.environment, digest: documents.digest), documents.manifest, tools: [:], at: Self.time,
            version: "1.0", signedBy: PrivateKey.generate(.ed25519))
        for place in stride(from: 0, to: made.bytes.count, by: 7) {
            var bytes = made.bytes
            bytes[place] ^= 1
            guard let read = try? RebuildStatement(decoding: bytes, source: "test") else { continue }
            #expect(read.image == made.image && read.signer == made.signer && read.rebuild == made.rebuild)
        }
    }

    @Test func rebuildersAndWhatAnExperimentRequiresStayInTheMetadata() throws {
        let keys = (0..<3).map { TUF.NamedKey(name: "key\($0)", key: PrivateKey.generate(.ed25519).publicKey) }
        var targets = TUF.NewTargets(role: "targets", version: 1, expires: Self.time)
        targets.rebuilders = [keys[1], keys[2]]
        targets.delegations = [
            .init(name: "lhc", endorsers: try TUF.RoleKeys([keys[0]], threshold: 1), requiredRebuilds: 2)
        ]
        let draft = try TUF.Draft(targets, signers: [keys[0].id])
        let read = try draft.metadata(TUF.Targets.self)
        #expect(try read.content.rebuilders() == [keys[1], keys[2]])
        #expect(read.content.delegations[0].requiredRebuilds == 2)
        let next = try TUF.NewTargets(read, role: "targets")
        #expect(next.rebuilders == targets.rebuilders && next.delegations == targets.delegations)
        targets.delegations[0].requiredRebuilds = 65
        #expect(throws: TrustError.self) {
            try TUF.Draft(targets, signers: []).metadata(TUF.Targets.self)
        }
    }
}
