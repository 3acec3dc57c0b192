package import GridModel
import ImageFormat
package import ImageStore
import System

/// Makes images and kernels from recipes, once: what the store has already is not built again.
package struct Factory {
    private let store: ImageStore
    private let recipes: RecipeBook
    private let progress: (String) -> Void

    /// `progress` gets lines for people.
    package init(store: ImageStore, recipes: RecipeBook, progress: @escaping (String) -> Void) {
        self.store = store
        self.recipes = recipes
        self.progress = progress
    }

    /// The newest image of an environment; built from its recipe where there is none yet.
    package func ensure(_ environment: Environment) throws -> StoredImage {
        if let stored = try store.image(for: environment) { return stored }
        let recipe = try recipes.image(environment)
        progress("\(environment): not in \(store.home.path) yet; building it from \(recipe.texts[0].path)")
        return try build(recipe) { _ in true }
    }

    /// The newest kernel of a name; made from its recipe where there is none yet.
    package func ensureKernel(_ name: String) throws -> StoredKernel {
        if let stored = try store.kernel(named: name) { return stored }
        return try build(try recipes.kernel(name)) { _ in true }
    }

    /// Builds what a recipe, given by environment, name or path, says, and returns the manifest's digest. Without `fresh`,
    /// an image that was made from the same text is enough.
    package func build(_ name: String, fresh: Bool) throws -> Digest {
        switch try recipes.recipe(name) {
        case .image(let recipe):
            let recipe = try recipes.complete(recipe)
            let wanted = recipe.texts.map { Inputs.digest(of: $0.bytes) }
            return try build(recipe) { !fresh && $0.manifest.recipes == wanted }.digest
        case .kernel(let recipe):
            let wanted = [Inputs.digest(of: recipe.text.bytes)]
            return try build(recipe) { !fresh && $0.manifest.recipes == wanted }.digest
        }
    }

    private func build(_ recipe: ImageRecipe, unless isEnough: (StoredImage) -> Bool) throws -> StoredImage {
        let name = recipe.environment.description
        return try alone(name) {
            if let stored = try store.image(for: recipe.environment), isEnough(stored) { return stored }
            guard let suite = recipe.suite, let kernelName = recipe.kernel else {
                preconditionFailure("the recipe is complete")
            }
            try SystemBuild.requireTools()
            let start = ContinuousClock.now
            if suite.acceptsEndOfLife {
                progress("\(name): \(suite.suite) is past its end of life, which its recipe accepts")
            }
            let kernel = try ensureKernel(kernelName)
            try refuseFullDisk(name)
            let tools = try Toolbox(log: log(name))
            let digest = try BuildDirectory.with(home: store.home, tools: tools) { directory in
                let build = SystemBuild(
                    recipe: recipe, suite: suite, directory: directory, home: store.home, tools: tools
                ) { progress("\(name): \($0)") }
                return try add(try build.run(), of: recipe, kernel: kernel)
            }
            progress("\(name): built in \((ContinuousClock.now - start).components.seconds) s: \(digest)")
            return try store.image(reference: digest.description)
        }
    }

    private func build(_ recipe: KernelRecipe, unless isEnough: (StoredKernel) -> Bool) throws -> StoredKernel {
        try alone(recipe.name) {
            if let stored = try store.kernel(named: recipe.name), isEnough(stored) { return stored }
            try refuseFullDisk(recipe.name)
            let tools = try Toolbox(log: log(recipe.name))
            let digest = try BuildDirectory.with(home: store.home, tools: tools) { directory in
                let build = KernelBuild(recipe: recipe, directory: directory, home: store.home, tools: tools) {
                    progress("\(recipe.name): \($0)")
                }
                return try add(try build.run(), of: recipe)
            }
            progress("\(recipe.name): made: \(digest)")
            return try store.kernel(reference: digest.description)
        }
    }

    /// One build of a name at a time; a second one waits and then finds what the first made.
    private func alone<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
        let lock = try FileLock.wait("\(store.home.cache)/\(fileName(name)).lock") {
            progress("\(name): another build of it is under way; waiting for it")
        }
        return try withExtendedLifetime(lock) {
            do { return try body() } catch let error as SystemError where error.isNoSpace {
                throw ImageFactoryError.fullDisk(store.home.path, underlying: error)
            }
        }
    }

    /// A build takes about three times the size of its image; less than this is never enough.
    private func refuseFullDisk(_ name: String) throws {
        let free = try Files.freeSpace(store.home.path)
        guard free >= 1 << 30 else {
            throw ImageFactoryError(
                .noSpace,
                "cannot build \(name): the disk of \(store.home.path) has \(ByteCount(free).rounded) left, at least 1 GiB is needed; "
                    + "make room, or give another home with --home")
        }
    }

    private func log(_ name: String) -> String { "\(store.home.cache)/logs/\(fileName(name)).log" }
    private func fileName(_ name: String) -> String { String(name.map { $0 == "/" || $0 == ":" ? "_" : $0 }) }
}

extension Factory {
    private func add(_ built: BuiltFilesystem, of recipe: ImageRecipe, kernel: StoredKernel) throws -> Digest {
        let name = [Annotation.layerName: "system"]
        let layer = try store.add(
            movingFile: built.filesystem, mediaType: MediaType.layer,
            annotations: name.merging(built.verity.annotations) { old, _ in old })
        let tree = try store.add(movingFile: built.tree, mediaType: MediaType.verityTree, annotations: name)
        var configuration = ImageConfiguration(
            architecture: "amd64", created: built.time, environment: recipe.environment,
            variables: recipe.variables.map { "\($0.key)=\($0.value)" }.sorted(), layers: [layer.digest],
            kernel: kernel.digest,
            systemName: built.systemName, needs: recipe.needs ?? ImageNeeds())
        configuration.checks = recipe.checks
        configuration.purpose = recipe.purpose
        configuration.licence = recipe.licence
        let config = try store.add(try configuration.encoded(), mediaType: MediaType.imageConfiguration)
        let texts = try recipe.texts.map { try store.add($0.bytes, mediaType: MediaType.recipe) }
        let manifest = OCIManifest(
            artifactType: MediaType.image, config: config, layers: [layer, tree] + texts,
            annotations: [Annotation.name: recipe.environment.description])
        return try store.tag(manifest, as: recipe.environment.description, at: now)
    }

    private func add(_ built: BuiltKernel, of recipe: KernelRecipe) throws -> Digest {
        let vmlinuz = try store.add(movingFile: built.vmlinuz, mediaType: MediaType.vmlinuz)
        let modules = try store.add(movingFile: built.modules, mediaType: MediaType.modules)
        var configuration = built.configuration
        configuration.parts = [vmlinuz.digest, modules.digest]
        let config = try store.add(try configuration.encoded(), mediaType: MediaType.imageConfiguration)
        let text = try store.add(recipe.text.bytes, mediaType: MediaType.recipe)
        let manifest = OCIManifest(
            artifactType: MediaType.kernel, config: config, layers: [vmlinuz, modules, text],
            annotations: [Annotation.name: recipe.name])
        return try store.tag(manifest, as: recipe.name, at: now)
    }

    private var now: Timestamp { Timestamp(seconds: Host.realtime.seconds) }
}
