import GridModel
import ImageFormat
import Linux

/// Brings what a lock names into the home's inputs: from a directory that was given, else from where it came.
struct InputFetcher {
    let inputs: Inputs
    /// What `image export --inputs` wrote elsewhere.
    let given: Inputs?
    let tools: Toolbox
    /// False where the recipe is a stranger's: what it names on this host is not looked at.
    var readsFiles = true
    let progress: (String) -> Void

    /// `text` is the recipe's; files and snapshots lie beside it. Everything is there when it returns.
    func fetch(_ lock: Lock.Layer, suite: SuiteChoice?, of text: RecipeText, in directory: BuildDirectory) throws {
        var missing = try inputs.missing(lock.inputs)
        if let given {
            missing = try missing.filter { try !inputs.take($0, from: given, tools: tools) }
        }
        guard !missing.isEmpty else { return }
        let digests = Set(missing.map(\.digest))
        if !readsFiles { try refuseFiles(lock, digests) }
        try fetchPackages(lock.packages.filter { digests.contains($0.digest) }, suite, directory)
        try WheelFetcher(inputs: inputs, tools: tools, progress: progress).fetch(
            lock.wheels.filter { digests.contains($0.digest) }, in: directory.path)
        for file in lock.files where digests.contains(file.digest) {
            let path = text.path(of: file.source)
            guard Files.exists(path), try inputs.keepCopy(of: path, tools: tools).digest == file.digest else {
                throw changed("file", path, file.digest)
            }
        }
        for snapshot in lock.snapshots where digests.contains(snapshot.digest) {
            let archive = SnapshotArchive(source: snapshot.source, beside: text.path, tools: tools, progress: progress)
            guard try archive.lock(inputs, in: directory.path).digest == snapshot.digest else {
                throw changed("snapshot", text.path(of: snapshot.source), snapshot.digest)
            }
        }
        if let container = lock.container, container.blobs.contains(where: { digests.contains($0.digest) }) {
            progress("fetching the container image \(container.reference)")
            let found = try ContainerImage.lock(container.reference, beside: text.path, directory, inputs, tools)
            guard found.manifest == container.manifest else {
                throw changed("container image", container.reference, container.manifest)
            }
        }
    }

    private func fetchPackages(_ packages: [Lock.Package], _ suite: SuiteChoice?, _ directory: BuildDirectory) throws {
        guard !packages.isEmpty else { return }
        guard let suite else {
            throw ImageFactoryError(
                .locked, "the lock names Debian packages, but the recipe has no suite to take them from")
        }
        progress("fetching \(packages.count.counted("package")) of \(suite.suite)")
        let apt = try AptRoot("\(directory.path)/apt", choice: suite, tools: tools)
        try apt.update()
        let target = "\(directory.path)/packages"
        try apt.download(packages, to: target)
        for package in packages {
            try inputs.keep("\(target)/\(package.fileName)", as: package.digest, of: package.fileName)
        }
    }

    private func refuseFiles(_ lock: Lock.Layer, _ missing: Set<Digest>) throws {
        let isLocal = lock.container.map { !$0.reference.hasPrefix("docker://") } ?? false
        let local =
            lock.files.map { ($0.source, $0.digest) } + lock.snapshots.map { ($0.source, $0.digest) }
            + (isLocal ? lock.container.map { container in container.blobs.map { ($0.name, $0.digest) } } ?? [] : [])
        guard let file = local.first(where: { missing.contains($0.1) }) else { return }
        throw ImageFactoryError(
            .wrongInput,
            "'\(file.0)' (\(file.1)) was a file of whoever built \(lock.name), and is not here; give it with --inputs DIR, "
                + "as 'sojourn image export --inputs' writes it there")
    }

    private func changed(_ what: String, _ name: String, _ digest: Digest) -> ImageFactoryError {
        ImageFactoryError(
            .wrongInput,
            "the \(what) \(name) is not what the lock says (\(digest)): it changed or is gone; "
                + "give the old one with --inputs DIR, or make a new lock with --fresh")
    }
}
