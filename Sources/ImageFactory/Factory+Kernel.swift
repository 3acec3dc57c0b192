import GridModel
import ImageFormat
import ImageStore
import Linux

/// Kernels: made from their recipes as images are, but of one Debian package, and nothing of it runs.
extension Factory {
    func lockedKernel(_ name: String) throws -> Lock.Kernel {
        let kernel = try ensureKernel(name)
        return Lock.Kernel(name: name, digest: kernel.digest, inputs: try store.lock(of: kernel).layers[0])
    }

    /// Makes the kernel that a lock names where the home has it not: without it no machine of the image starts.
    func ensure(_ kernel: Lock.Kernel, _ options: BuildOptions) throws {
        if try store.kernels().contains(where: { $0.digest == kernel.digest }) { return }
        let recipe = try recipes.kernel(kernel.name)
        guard BlobHash.digest(of: recipe.text.bytes) == kernel.inputs.recipe else {
            throw ImageFactoryError(
                .locked,
                "the lock names the kernel \(kernel.name) \(kernel.digest), which was made from another recipe than "
                    + "\(recipe.text.path); import it (sojourn image import), or make a new lock with --fresh")
        }
        let choice = LockChoice(exactly: Lock(kernel: nil, layers: [kernel.inputs]))
        _ = try build(recipe, options, choice, expecting: kernel.digest)
    }

    func build(
        _ recipe: KernelRecipe, _ options: BuildOptions, _ exactly: LockChoice? = nil,
        expecting expected: Digest? = nil
    ) throws -> StoredKernel {
        try withBuildLock(recipe.name) {
            let known = try exactly ?? LockChoice(kernel: recipe, options: options, home: store.home)
            let texts = [BlobHash.digest(of: recipe.text.bytes)]
            if let lock = known.usable {
                let sound = try store.kernels().last {
                    try $0.name == recipe.name && isSound(.kernel($0), from: texts) { $0 == lock }
                }
                if let kernel = sound {
                    if known.isOfNow { try store.makeNewest(kernel.digest) }
                    try known.keep(lock)
                    return try store.kernel(reference: kernel.digest.description)
                }
            }
            if let warning = try SuiteLife.judge(recipe.suite, of: recipe.text, now: now) {
                progress("\(recipe.name): \(warning)")
            }
            try refuseFullDisk(recipe.name)
            let tools = try Toolbox(log: log(recipe.name))
            let digest = try BuildDirectory.with(home: store.home, tools: tools) { directory in
                let inputs = try Inputs(home: store.home)
                let say = { (line: String) in progress("\(recipe.name): \(line)") }
                let build = KernelBuild(recipe: recipe, directory: directory.path, tools: tools, progress: say)
                let lock = try known.usable ?? build.lock()
                let fetcher = InputFetcher(
                    inputs: inputs, given: try options.inputs.map { try Inputs(exported: $0) }, tools: tools,
                    progress: say)
                try fetcher.fetch(lock.layers[0], suite: recipe.suite, of: recipe.text, in: directory)
                let digest = try add(try build.run(lock.layers[0], inputs), of: recipe, lock: lock, expecting: expected)
                if try known.isOfNow || store.kernel(named: recipe.name) == nil {
                    try LockBook(home: store.home).keepFirst(lock, of: recipe.name)
                    try store.makeNewest(digest)
                }
                return digest
            }
            progress("\(recipe.name): made: \(digest)")
            let kernel = try store.kernel(reference: digest.description)
            try known.keep(try store.lock(of: kernel))
            return kernel
        }
    }

    private func add(_ built: BuiltKernel, of recipe: KernelRecipe, lock: Lock, expecting expected: Digest?) throws
        -> Digest
    {
        let artifact = try Self.assemble(built, of: recipe, lock: lock)
        if let expected, try artifact.digest != expected {
            throw ImageFactoryError(
                .wrongInput,
                "the kernel \(recipe.name) was made as \(try artifact.digest), where the lock says \(expected)")
        }
        try artifact.add(to: store)
        return try store.register(artifact.manifest, as: recipe.name, at: now)
    }

    /// A kernel put together.
    static func assemble(_ built: BuiltKernel, of recipe: KernelRecipe, lock: Lock) throws -> AssembledArtifact {
        let vmlinuz = try AssembledArtifact.blob(movingFile: built.vmlinuz, MediaType.vmlinuz)
        let modules = try AssembledArtifact.blob(movingFile: built.modules, MediaType.modules)
        var configuration = built.configuration
        configuration.parts = [vmlinuz.descriptor.digest, modules.descriptor.digest]
        let config = AssembledArtifact.blob(try configuration.encoded(), MediaType.imageConfiguration)
        let package = lock.layers[0].packages.map {
            InstalledPackage(type: .deb, name: $0.name, version: $0.version, architecture: $0.architecture)
        }
        let list = try PackageList(distribution: "debian", packages: package).encoded()
        let parts = [
            vmlinuz, modules, AssembledArtifact.blob(recipe.text.bytes, MediaType.recipe),
            AssembledArtifact.blob(try lock.encoded(), MediaType.lock),
            AssembledArtifact.blob(list, MediaType.packages),
        ]
        let manifest = OCIManifest(
            artifactType: MediaType.kernel, config: config.descriptor, layers: parts.map(\.descriptor),
            annotations: [Annotation.name: recipe.name])
        return AssembledArtifact(manifest, parts + [config])
    }
}
