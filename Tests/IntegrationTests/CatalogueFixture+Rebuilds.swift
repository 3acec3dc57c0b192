import Attestation
import Foundation
import GridModel
import ImageFormat
import ImageStore
import Testing
import Trust

extension CataloguePlace {
    func store(_ home: String) throws -> ImageStore { try ImageStore(home: try Home(at: self.home(home).home.path)) }

    /// Writes a file; its path.
    func file(_ text: String, _ name: String) throws -> String {
        try place.write(text, to: name)
        return path(name)
    }

    /// Puts an image of a few bytes with a recipe and a lock into a home, with its kernel; its digest.
    @discardableResult
    func lockedImage(_ environment: String, in home: String, content: UInt8 = 1) throws -> GridModel.Digest {
        let plain = try image(environment, in: home, content: content)
        let store = try store(home)
        let old = try store.image(reference: plain.description)
        let recipe = try store.add(Array("name: \(environment)\n".utf8), mediaType: MediaType.recipe)
        let time = Timestamp(seconds: 1_700_000_000)
        let layer = Lock.Layer(name: environment, recipe: recipe.digest, time: time)
        let kernel = Lock.Kernel(
            name: Self.kernel, digest: old.configuration.kernel,
            inputs: Lock.Layer(name: Self.kernel, recipe: recipe.digest, time: time))
        let lock = try store.add(try Lock(kernel: kernel, layers: [layer]).encoded(), mediaType: MediaType.lock)
        var manifest = old.manifest
        manifest.layers += [recipe, lock]
        let digest = try store.register(manifest, as: environment, at: time)
        try store.makeNewest(digest)
        return digest
    }

    /// Says, signed, that the owner of a key built an image.
    func claim(built image: GridModel.Digest, by key: PrivateKey, in home: String) throws {
        let store = try store(home)
        let artifact = try store.artifact(reference: image.description)
        let time = Timestamp(seconds: 1_700_000_000)
        let facts = ImageFacts(
            .init(name: artifact.name, digest: image), manifest: artifact.manifest,
            lock: try store.lock(of: artifact), packages: try store.packages(of: artifact))
        let run = BuildRun(identifier: "test", started: time, finished: time, tools: [:])
        let provenance = Provenance(of: facts, run: run, builder: key.publicKey.id, version: "1.0")
        let envelope = try Statement(about: facts.artifact, provenance).envelope(signedBy: key)
        try store.attach(
            try envelope.encoded(), mediaType: MediaType.envelope, artifactType: MediaType.envelope, to: image,
            annotations: [Annotation.predicateType: Provenance.type])
    }
}
