import Attestation
import Glibc
import GridModel
import ImageFormat
package import ImageStore
import KeyStore
import Linux
import Trust

/// How an image's checks ended in a machine of it.
package struct CheckOutcome: Sendable {
    /// Commands of the recipe.
    package var passed: [String]
    package var failed: [String]
    /// What the machine said at the end, for people.
    package var output: String
    /// `kvm` or `tcg`.
    package var accelerator: String

    package init(passed: [String], failed: [String], output: String, accelerator: String) {
        self.passed = passed
        self.failed = failed
        self.output = output
        self.accelerator = accelerator
    }
}

extension Factory {
    /// Runs an image's checks in a machine of it. Throws where no machine could say how they ended.
    package typealias Check = (StoredImage, StoredKernel) throws -> CheckOutcome

    /// What is said of an image that was just built: its bill of materials, and where it came from.
    func attest(
        _ assembly: Assembly, of built: BuiltLayer, on base: StoredImage?, lock: Lock, _ run: BuildRun,
        in directory: String
    ) throws {
        let digest = try assembly.digest
        let key = try KeyStore(home: store.home).homeKey()
        var facts = ImageFacts(
            assembly.configuration, digest: digest, manifest: assembly.manifest, lock: lock, packages: built.packages)
        facts.base = base.map { .init(name: $0.environment.description, digest: $0.digest) }
        let path = "\(directory)/spdx.json"
        let output = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        let snapshots = lock.layers.last?.snapshots ?? []
        try SPDXDocument(facts, version: Program.version).write(
            files: { snapshot in
                // What its base holds, the base's own document lists.
                guard let index = snapshots.firstIndex(of: snapshot) else { return { nil } }
                return try SnapshotDigests.reader(built.snapshots[index])
            }, to: { try output.write($0) })
        try store.attach(movingFile: path, mediaType: MediaType.spdx, artifactType: MediaType.spdx, to: digest)
        let provenance = Provenance(of: facts, run: run, builder: key.publicKey.id, version: Program.version)
        try attach(
            try Statement(about: facts.artifact, provenance).envelope(signedBy: key), Provenance.type, to: digest)
    }

    /// Runs the checks unless they have passed before, and attaches that they passed. An image that fails them is removed,
    /// unless its name means it already.
    func check(_ image: StoredImage) throws {
        guard let check, try !hasPassed(image) else { return }
        let kernel = try store.kernel(of: image)
        let name = image.environment.description
        let count = image.configuration.checks.count
        progress(
            "\(name): starting a machine of it\(count == 0 ? "" : " for its \(count) check\(count == 1 ? "" : "s")")")
        let outcome = try check(image, kernel)
        guard outcome.failed.isEmpty else {
            if !image.isNewest { try store.remove(image.digest) }
            throw ImageFactoryError(
                .checkFailed,
                "\(name) was built as \(image.digest), but \(outcome.failed.count) of its checks failed in a machine, and it was "
                    + "not kept:\n" + outcome.failed.map { "  \($0)\n" }.joined()
                    + (outcome.output.isEmpty ? "" : "the machine's last words:\n\(outcome.output)"))
        }
        let key = try KeyStore(home: store.home).homeKey()
        let artifact = ImageFacts.Artifact(name: name, digest: image.digest)
        let setting = CheckResult.Setting(
            image: artifact, kernel: .init(name: kernel.name, digest: kernel.digest), accelerator: outcome.accelerator,
            time: now, program: Program.version)
        let result = CheckResult(.passed, passed: outcome.passed, failed: [], in: setting)
        try attach(try Statement(about: artifact, result).envelope(signedBy: key), CheckResult.type, to: image.digest)
    }

    private func attach(_ envelope: Envelope, _ predicate: String, to subject: Digest) throws {
        try store.attach(
            try envelope.encoded(), mediaType: MediaType.envelope, artifactType: MediaType.envelope, to: subject,
            annotations: [Annotation.predicateType: predicate])
    }

    /// By this home's own key.
    private func hasPassed(_ image: StoredImage) throws -> Bool {
        try CheckedImage.result(of: image.digest, in: store) != nil
    }

    /// By this home. An image without its bill of materials is the work of a build that was killed just before its end.
    func isAttested(_ image: StoredImage) throws -> Bool {
        try store.referrers(of: image.digest).contains { $0.artifactType == MediaType.spdx }
            && OwnStatement<Provenance>.newest(about: image.digest, in: store) != nil
    }
}
