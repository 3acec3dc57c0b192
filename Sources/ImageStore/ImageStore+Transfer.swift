import GridModel
package import ImageFormat
import Linux

/// What was copied.
package struct TransferSum: Equatable, Sendable {
    /// Of all files that the target has now, by digest.
    package var files = 0
    /// Of those that it had not.
    package var copied = 0
    package var copiedBytes: Int64 = 0
    /// Inputs of a kernel that the home has not: the kernel itself may have been imported.
    package var lacking: [Lock.Input] = []
}

extension ImageStore {
    /// Writes an image with its kernel, or a kernel, and all that is said about them into an OCI image layout, which is
    /// made or added to. What is there already and sound is not copied again.
    package func export(
        _ artifact: StoredArtifact, to directory: String, progress: @escaping (String) -> Void = { _ in }
    ) throws -> TransferSum {
        guard Files.canonical(directory).map({ $0 != home.images }) ?? true else {
            throw ImageStoreError(.unsuitableLayout, "\(directory) is the home's own layout; give another directory")
        }
        var artifacts = [artifact]
        if case .image(let image) = artifact { artifacts.insert(.kernel(try kernel(of: image)), at: 0) }
        let layout = try ImageLayout(making: directory)
        return try layout.target.withLock {
            try layout.sweep()
            let sum = try copy(
                try artifacts.flatMap { try blobs(of: $0) + referrerBlobs(of: $0) }.map(\.content), from: path,
                to: layout.path,
                TransferPurpose(target: layout.target, purpose: "export \(artifact.name)", progress: progress))
            for artifact in artifacts {
                try layout.list(referrers: try referrers(of: artifact.digest), of: artifact.digest)
            }
            try layout.list(
                try artifacts.map {
                    var entry = try entry($0.digest.description, type: nil)
                    entry.annotations?[Annotation.referenceName] = $0.name
                    return entry
                })
            return sum
        }
    }

    /// Writes what an image and its kernel were built from: every input of the lock as `sha256/HEX`, the lock as `lock.json`,
    /// and the recipes as `recipes/NAME.yaml`. What is there already and sound is not copied again.
    package func exportInputs(
        of artifact: StoredArtifact, to directory: String, progress: @escaping (String) -> Void = { _ in }
    ) throws -> TransferSum {
        let lock = try lock(of: artifact)
        let encoded = try lock.encoded(pretty: true)
        let lockPath = "\(directory)/lock.json"
        if Files.exists(lockPath), try Files.read(lockPath, limit: 64 << 20) != encoded {
            throw ImageStoreError(
                .inUse, "\(directory) holds the inputs of another lock, \(lockPath); give another directory")
        }
        let kept = { (digest: Digest) in "\(home.inputBlobs)/\(digest.hex)" }
        let missing = lock.inputs.filter { !Files.exists(kept($0.digest)) }
        let isOfKernel = { (input: Lock.Input) in lock.kernel?.inputs.inputs.contains(input) ?? false }
        try refuseMissing(missing.filter { !isOfKernel($0) }, of: artifact)
        for part in ["sha256", "recipes"] { try Files.makeDirectories("\(directory)/\(part)") }
        let target = TargetDirectory(path: directory)
        return try target.withLock {
            var sum = try copy(
                lock.inputs.filter { !missing.contains($0) }, from: kept, to: { "\(directory)/sha256/\($0.hex)" },
                TransferPurpose(target: target, purpose: "export the inputs of \(artifact.name)", progress: progress))
            sum.lacking = missing
            for (name, text) in try namedRecipes(of: artifact, lock) {
                try Files.write(text, to: "\(directory)/recipes/\(FileName.of(name)).yaml")
            }
            try Files.write(encoded, to: lockPath)
            return sum
        }
    }

    /// The recipes of an image and of its kernel.
    private func namedRecipes(of artifact: StoredArtifact, _ lock: Lock) throws -> [(String, [UInt8])] {
        var texts = try recipes(of: artifact)
        if case .image(let image) = artifact { texts += try recipes(of: .kernel(try kernel(of: image))) }
        let layers = lock.layers + (lock.kernel.map { [$0.inputs] } ?? [])
        return texts.map { text in
            let digest = BlobHash.digest(of: text)
            return (layers.first { $0.recipe == digest }?.name ?? digest.hex, text)
        }
    }

    private func refuseMissing(_ inputs: [Lock.Input], of artifact: StoredArtifact) throws {
        guard !inputs.isEmpty else { return }
        let named = inputs.prefix(3).map { "\($0.name) (\($0.digest))" }.joined(separator: ", ")
        throw ImageStoreError(
            .missingInput,
            "\(home.inputs) has \(inputs.count) input(s) of \(artifact.name) no more: \(named)"
                + "\(inputs.count > 3 ? ", …" : ""); fetch them with: sojourn image rebuild \(artifact.digest)")
    }

    /// All blobs of an image or kernel, its manifest first.
    package func blobs(of artifact: StoredArtifact) throws -> [OCIDescriptor] {
        [try entry(artifact.digest.description, type: nil).plain, artifact.manifest.config] + artifact.manifest.layers
    }

    /// All blobs of what is said about an image or kernel.
    private func referrerBlobs(of artifact: StoredArtifact) throws -> [OCIDescriptor] {
        try referrers(of: artifact.digest).flatMap { referrer in
            let manifest = try self.manifest(referrer)
            return [referrer, manifest.config] + manifest.layers
        }
    }
}

/// Where files are copied to, and why.
struct TransferPurpose {
    let target: TargetDirectory
    /// `export os/debian12`.
    let purpose: String
    let progress: (String) -> Void
}

/// Copies the files that the target has not, each checked; first looks whether there is room for them.
func copy(
    _ files: [Lock.Input], from source: (Digest) -> String, to target: (Digest) -> String, _ purpose: TransferPurpose
) throws -> TransferSum {
    var seen: Set<Digest> = []
    let wanted = files.filter { seen.insert($0.digest).inserted }
    let missing = try wanted.filter { try !BlobCopy.isSound($0, at: target($0.digest)) }
    let needed = try missing.reduce(0) { $0 + (try BlobCopy.allocated(source($1.digest))) }
    try purpose.target.requireSpace(needed, for: purpose.purpose)
    var sum = TransferSum()
    sum.files = wanted.count
    for file in missing {
        purpose.progress(
            "copying \(file.name), \(ByteCount(file.size).rounded) (\(sum.copied + 1) of \(missing.count))")
        do {
            try BlobCopy.copy(file, from: source(file.digest), to: target(file.digest), mode: 0o644)
        } catch let error as ImageStoreError {
            throw ImageStoreError(error.code, "cannot \(purpose.purpose)", underlying: error)
        }
        sum.copied += 1
        sum.copiedBytes += file.size
    }
    return sum
}
