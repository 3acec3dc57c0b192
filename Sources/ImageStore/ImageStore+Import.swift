import Glibc
package import GridModel
import ImageFormat
import Linux

/// What an import did.
package struct ImportResult: Sendable {
    package struct Item: Sendable {
        package let name: String
        package let digest: Digest
        /// False where the home had it already.
        package let isNew: Bool
        /// The one that its name means now.
        package let isNewest: Bool
    }

    /// Kernels first.
    package let items: [Item]
    package let sum: TransferSum
    /// Images of the layout that are not Sojourn's, and referrers of another form.
    package let skipped: [String]
}

extension ImageStore {
    /// Where what is imported waits until all of it stands the checks: a home of its own.
    var importStaging: String { "\(home.cache)/import" }
    var importLock: String { "\(home.cache)/import.lock" }

    /// Takes images and kernels from an OCI image layout, all or those of a name or digest, with the kernels that they name
    /// and all that is said about them. Nothing of the home changes until everything was copied and checked.
    ///
    /// What is imported becomes what its name means, unless the home has a newer one of that name.
    ///
    /// - Parameter isArriving: the layout lacks the filesystems of images; their blocks come later (`SparseBlob`).
    package func importLayout(
        _ directory: String, _ reference: String?, at time: Timestamp, isArriving: Bool = false,
        progress: @escaping (String) -> Void = { _ in }
    ) throws -> ImportResult {
        let lock = try FileLock.wait(importLock) { progress("waiting for another import") }
        return try withExtendedLifetime(lock) {
            let contents = try LayoutContents(try ImageLayout(reading: directory))
            let plan = try ImportPlan(contents, reference, isArriving: isArriving) { digest in
                try readIndex().manifests.contains { $0.digest == digest && $0.artifactType == MediaType.kernel }
            }
            do {
                // What a killed import brought is looked at again, and taken if it is sound.
                let staged = try ImageStore(home: try Home(at: importStaging))
                let sum = try stage(plan, from: contents.layout, in: staged, progress)
                for artifact in plan.artifacts {
                    progress("checking \(artifact.name)")
                    try ImportCheck(store: staged, isArriving: isArriving).run(try staged.artifact(artifact.entry))
                }
                let items = try adopt(plan, from: staged, at: time)
                try Files.removeTree(importStaging)
                return ImportResult(items: items, sum: sum, skipped: plan.skipped)
            } catch {
                try Files.removeTree(importStaging)
                throw error
            }
        }
    }

    /// Brings every blob into the staging store: links to what the home has, copies of what it has not.
    private func stage(
        _ plan: ImportPlan, from layout: ImageLayout, in staged: ImageStore, _ progress: @escaping (String) -> Void
    ) throws -> TransferSum {
        for name in try Files.list(staged.blobs) where name.hasSuffix(".tmp") {
            try Files.remove("\(staged.blobs)/\(name)")
        }
        var linked: Set<Digest> = []
        for blob in plan.blobs where !linked.contains(blob.digest) {
            guard try BlobCopy.isSound(blob.content, at: path(of: blob.digest)) else { continue }
            let target = staged.path(of: blob.digest)
            try Files.remove(target)
            // Where the filesystem has no links it is copied like the others.
            if link(path(of: blob.digest), target) == 0 { linked.insert(blob.digest) }
        }
        let purpose = TransferPurpose(
            target: TargetDirectory(path: staged.blobs), purpose: "import from \(layout.directory)", progress: progress)
        return try copy(plan.blobs.map(\.content), from: layout.path, to: staged.path, purpose)
    }

    /// Moves the blobs into this store and enters what was imported, all at once.
    private func adopt(_ plan: ImportPlan, from staged: ImageStore, at time: Timestamp) throws -> [ImportResult.Item] {
        try withLock {
            try sweep()
            for digest in Set(plan.blobs.map(\.digest)) {
                try retrying("make \(staged.path(of: digest)) read-only") { chmod(staged.path(of: digest), 0o444) }
                try retrying("move the blob \(digest)") { rename(staged.path(of: digest), path(of: digest)) }
            }
            try Files.synchroniseDirectory(blobs)
            var index = try readIndex()
            var superseded: [Digest] = []
            let items = try plan.artifacts.map { artifact in
                let isNew = !index.manifests.contains { $0.digest == artifact.digest }
                if isNew { index.manifests.append(artifact.entry.named(artifact.name, time)) }
                let isNewest = try !hasNewer(than: artifact, in: index) && index.makeNewest(artifact.digest)
                let said = plan.referrers[artifact.digest] ?? []
                if let old = try add(said, about: artifact.digest, to: &index) { superseded.append(old) }
                return ImportResult.Item(
                    name: artifact.name, digest: artifact.digest, isNew: isNew, isNewest: isNewest)
            }
            try refuseMissingKernels(plan, index)
            try write(index)
            for digest in superseded { try Files.remove(path(of: digest)) }
            return items
        }
    }

    /// True where its name means one of the home's whose inputs are younger.
    private func hasNewer(than artifact: LayoutArtifact, in index: OCIIndex) throws -> Bool {
        let current = index.manifests.last {
            $0.artifactType == artifact.entry.artifactType && $0.annotations?[Annotation.referenceName] == artifact.name
        }
        guard let current, current.digest != artifact.digest else { return false }
        return try self.artifact(current).created > self.artifact(artifact.entry).created
    }

    /// One that the home had when the import began may be gone.
    private func refuseMissingKernels(_ plan: ImportPlan, _ index: OCIIndex) throws {
        for kernel in plan.artifacts.compactMap(\.kernel) {
            guard index.manifests.contains(where: { $0.digest == kernel }) else {
                throw ImageStoreError(.busy, "the kernel \(kernel) was removed during the import; import again")
            }
        }
    }
}

/// What is to be imported, and all blobs of it.
private struct ImportPlan {
    /// Kernels first.
    let artifacts: [LayoutArtifact]
    private(set) var referrers: [Digest: [OCIDescriptor]] = [:]
    private(set) var blobs: [OCIDescriptor]
    private(set) var skipped: [String]

    /// `isKnown` tells of a kernel whether the home has it.
    init(
        _ contents: LayoutContents, _ reference: String?, isArriving: Bool, isKnown: (Digest) throws -> Bool
    ) throws {
        let selected = try contents.selection(reference)
        let needed = Set(selected.compactMap(\.kernel))
        let kernels = contents.artifacts.filter { kernel in
            kernel.isKernel && (needed.contains(kernel.digest) || selected.contains { $0.digest == kernel.digest })
        }
        for image in selected {
            guard let kernel = image.kernel, !kernels.contains(where: { $0.digest == kernel }) else { continue }
            guard try isKnown(kernel) else {
                throw ImageStoreError(
                    .unsuitableLayout,
                    "the kernel \(kernel) of \(image.name) is neither in \(contents.layout.directory) nor in the home; "
                        + "export it too: sojourn image export \(kernel) --to \(contents.layout.directory)")
            }
        }
        artifacts = kernels + selected.filter { !$0.isKernel }
        blobs = artifacts.flatMap { isArriving ? $0.documents : $0.blobs }
        skipped = reference == nil ? contents.foreign.map { $0.tag ?? $0.digest.description } : []
        for artifact in artifacts {
            var others: [String] = []
            let said = try contents.referrers(of: artifact.digest) { others.append("referrer \($0.digest)") }
            referrers[artifact.digest] = said.map { $0.0 }
            blobs += said.flatMap { $0.1 }
            skipped += others
        }
    }
}

extension OCIDescriptor {
    /// As the index enters it, before its name means it.
    fileprivate func named(_ name: String, _ time: Timestamp) -> OCIDescriptor {
        var entry = self
        entry.annotations = [Annotation.name: name, Annotation.created: time.description]
        return entry
    }
}
