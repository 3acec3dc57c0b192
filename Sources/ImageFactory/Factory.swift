import Attestation
package import GridModel
import ImageFormat
package import ImageStore
import Linux

/// Makes images and kernels from recipes, once: what the store has already is not built again.
package struct Factory {
    let store: ImageStore
    let recipes: RecipeBook
    let progress: (String) -> Void
    /// Runs an image's checks in a machine; nil where nothing is to be checked.
    let check: Check?

    /// `progress` gets lines for people.
    package init(
        store: ImageStore, recipes: RecipeBook, check: Check?, progress: @escaping (String) -> Void
    ) {
        self.store = store
        self.recipes = recipes
        self.check = check
        self.progress = progress
    }

    /// The newest image of an environment; built from its recipe where there is none yet.
    package func ensure(_ environment: Environment) throws -> StoredImage {
        if let stored = try store.image(for: environment) { return stored }
        let recipe = try recipes.image(environment)
        progress("\(environment): not in \(store.home.path) yet; building it from \(recipe.text.path)")
        return try build(try recipes.chain(of: recipe), BuildOptions())
    }

    /// The newest kernel of a name; made from its recipe where there is none yet.
    package func ensureKernel(_ name: String) throws -> StoredKernel {
        if let stored = try store.kernel(named: name) { return stored }
        return try build(try recipes.kernel(name), BuildOptions())
    }

    /// Builds what a recipe, given by environment, name or path, says, and returns the manifest's digest. What was built from
    /// the same recipe and lock, and is sound, is not built again.
    package func build(_ name: String, _ options: BuildOptions) throws -> Digest {
        switch try recipes.recipe(name) {
        case .image(let recipe): try build(try recipes.chain(of: recipe), options).digest
        case .kernel(let recipe): try build(recipe, options).digest
        }
    }

    private func build(_ chain: RecipeChain, _ options: BuildOptions) throws -> StoredImage {
        let name = chain.recipe.environment.description
        return try withBuildLock(name) {
            try requireTools()
            try sweep()
            var known = try LockChoice(chain: chain, options: options, home: store.home)
            if known.followsFiles, let layer = known.usable?.layers.last, try haveFilesChanged(chain.recipe, layer) {
                progress("\(name): what lies beside its recipe has changed; locking it anew")
                known.discard()
            }
            if let lock = known.usable, let stored = try sound(lock, chain) {
                try known.keep(lock)
                return try finish(stored)
            }
            let image = try make(chain, known, options)
            // Only now: a lock that nothing could be built from is no lock to keep.
            try known.keep(try store.lock(of: image))
            return image
        }
    }

    /// Removes what killed builds left.
    private func sweep() throws {
        try BuildDirectory.sweep(home: store.home, log: log("sweep"))
        try store.sweepInterrupted()
        try MemoryLimit.sweep()
    }

    /// True where a file or snapshot that is there has another content than the lock says.
    private func haveFilesChanged(_ recipe: ImageRecipe, _ lock: Lock.Layer) throws -> Bool {
        for file in lock.files {
            let path = recipe.text.path(of: file.source)
            if Files.exists(path), try BlobHash.digest(ofFile: path) != file.digest { return true }
        }
        guard lock.snapshots.contains(where: { Files.exists(recipe.text.path(of: $0.source)) }) else { return false }
        let name = recipe.environment.description
        let tools = try Toolbox(log: log(name))
        return try BuildDirectory.with(home: store.home, tools: tools) { directory in
            for snapshot in lock.snapshots where Files.exists(recipe.text.path(of: snapshot.source)) {
                let archive = SnapshotArchive(source: snapshot.source, beside: recipe.text.path, tools: tools) {
                    progress("\(name): \($0)")
                }
                if try archive.lock(try Inputs(home: store.home), in: directory.path).digest != snapshot.digest {
                    return true
                }
            }
            return false
        }
    }

    /// An image of exactly this lock and these recipes, whose blobs are what they should be.
    private func sound(_ lock: Lock, _ chain: RecipeChain) throws -> StoredImage? {
        let texts = chain.layers.map { BlobHash.digest(of: $0.text.bytes) }
        return try store.images(of: chain.recipe.environment).last {
            try isSound(.image($0), from: texts) { $0 == lock } && isAttested($0)
        }
    }

    /// True for what was made here from exactly these texts and a lock that `fits`, and whose blobs are what they should be.
    func isSound(_ artifact: StoredArtifact, from texts: [Digest], fits: (Lock) -> Bool) throws -> Bool {
        guard artifact.isBuiltHere, artifact.manifest.recipes == texts,
            try store.verify(artifact.digest.description).faults.isEmpty
        else {
            return false
        }
        return fits(try store.lock(of: artifact))
    }

    private func make(_ chain: RecipeChain, _ known: LockChoice, _ options: BuildOptions) throws -> StoredImage {
        let recipe = chain.recipe
        let name = recipe.environment.description
        if let suite = chain.suite, let warning = try SuiteLife.judge(suite, of: chain.layers[0].text, now: now) {
            progress("\(name): \(warning)")
        }
        try refuseFullDisk(name)
        let kernel = try known.kernel ?? lockedKernel(chain.kernel)
        try ensure(kernel, options)
        let base = try chain.base.map { try self.base($0, known, kernel, options) }
        // Without the base, which has a time of its own.
        let start = (clock: ContinuousClock.now, time: now)
        let tools = try Toolbox(log: log(name))
        let image = try BuildDirectory.with(home: store.home, tools: tools) { directory in
            var work = try LayerWork(
                factory: self, recipe: recipe, suite: chain.suite, directory: directory, tools: tools)
            work.permitted = chain.permitted
            work.given = try options.inputs.map { try Inputs(exported: $0) }
            work.base = try base.map { try baseLayer($0) }
            let layer = try known.usable?.layers.last ?? work.lock(base.map { try store.lock(of: $0).layers[0] })
            let below = try base.map { try store.lock(of: $0).layers } ?? []
            let lock = Lock(kernel: kernel, layers: below + [layer])
            let built = try work.build(layer)
            let assembly = try Assembly(
                chain: chain, lock: lock, variables: try work.variables(of: chain, lock), top: built,
                base: base.map { $0.manifest.layerParts.map { ($0, .stored) } } ?? [])
            try assembly.artifact.add(to: store)
            let digest = try store.register(assembly.manifest, as: name, at: now)
            let run = BuildRun(
                identifier: Files.name(of: directory.path), started: start.time, finished: now,
                tools: try work.toolVersions())
            if try !isAttested(store.image(reference: digest.description)) {
                try attest(assembly, of: built, on: base, lock: lock, run, in: directory.path)
            }
            return digest
        }
        progress("\(name): built in \((ContinuousClock.now - start.clock).components.seconds) s: \(image)")
        let made = try store.image(reference: image.description)
        // What a lock of yesterday asks for as its base is not the newest of its name.
        return try known.isOfNow ? finish(made) : keepBelow(made)
    }

    private func keepBelow(_ image: StoredImage) throws -> StoredImage {
        guard try store.image(for: image.environment) == nil else { return image }
        try LockBook(home: store.home).keepFirst(try store.lock(of: image), of: image.environment.description)
        return try finish(image)
    }

    /// The system that an image stands on: the one that the lock names, else the home's.
    private func base(
        _ recipe: ImageRecipe, _ known: LockChoice, _ kernel: Lock.Kernel, _ options: BuildOptions
    ) throws -> StoredImage {
        let chain = try RecipeChain(recipe)
        guard let layer = known.base else { return try build(chain, BuildOptions()) }
        let texts = [BlobHash.digest(of: recipe.text.bytes)]
        let sound = try store.images(of: recipe.environment).last {
            try isSound(.image($0), from: texts) { $0.layers == [layer] }
        }
        if let sound { return sound }
        return try withBuildLock(recipe.environment.description) {
            var inner = BuildOptions()
            inner.inputs = options.inputs
            return try make(chain, LockChoice(exactly: Lock(kernel: kernel, layers: [layer])), inner)
        }
    }

    func baseLayer(_ image: StoredImage) throws -> BaseLayer {
        let owner = image.environment.description
        let (filesystem, listing) = (image.layers[0].filesystem, try image.manifest.listing(of: image.layers[0].name))
        // Hashed once more: what is built on it must not inherit a damage.
        _ = try store.openVerified([filesystem, listing], of: owner)
        return BaseLayer(
            filesystem: store.path(of: filesystem.digest), listing: store.path(of: listing.digest),
            packages: try store.packages(of: image))
    }

    /// Checks what was built, and makes it the newest of its name.
    private func finish(_ image: StoredImage) throws -> StoredImage {
        try check(image)
        try store.makeNewest(image.digest)
        return try store.image(reference: image.digest.description)
    }
}

extension Factory {
    /// One build of a name at a time; a second one waits and then finds what the first made.
    func withBuildLock<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
        let lock = try FileLock.wait("\(store.home.cache)/\(FileName.of(name)).lock") {
            progress("\(name): another build of it is under way; waiting for it")
        }
        return try withExtendedLifetime(lock) {
            do { return try body() } catch let error as SystemError where error.isNoSpace {
                throw ImageFactoryError.fullDisk(store.home.path, underlying: error)
            }
        }
    }

    /// A build takes about three times the size of its image; less than this is never enough.
    func refuseFullDisk(_ name: String) throws {
        let free = try Files.freeSpace(store.home.path)
        guard free >= 1 << 30 else {
            throw ImageFactoryError(
                .noSpace,
                "cannot build \(name): the disk of \(store.home.path) has \(ByteCount(free).rounded) left, at least 1 GiB is needed; "
                    + "make room, or give another home with --home")
        }
    }

    /// Refuses at once, before anything is fetched, where a program is not installed.
    func requireTools() throws {
        let forUsers = Host.effectiveUser == 0 ? [] : [Tool.newuidmap]
        for tool in [Tool.mmdebstrap, .mkfsErofs, .fsckErofs] + forUsers { _ = try tool.find() }
    }

    func log(_ name: String) -> String { "\(store.home.cache)/logs/\(FileName.of(name)).log" }
    var now: Timestamp { Timestamp(seconds: Host.realtime.seconds) }
}
