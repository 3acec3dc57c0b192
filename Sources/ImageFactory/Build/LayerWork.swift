import GridModel
import ImageFormat
import ImageStore
import ImageTree
import Linux

/// One layer on its way from recipe to filesystem, in one directory: locked, fetched, built.
struct LayerWork {
    let recipe: ImageRecipe
    let suite: SuiteChoice?
    let directory: BuildDirectory
    let tools: Toolbox
    var permitted = Exemptions()
    var given: Inputs?
    var base: BaseLayer?
    /// False where the recipe is a stranger's: what it names on this host is not looked at.
    var readsFiles = true
    private let inputs: Inputs
    private let progress: (String) -> Void

    init(
        factory: Factory, recipe: ImageRecipe, suite: SuiteChoice?, directory: BuildDirectory, tools: Toolbox
    ) throws {
        self.recipe = recipe
        self.suite = suite
        self.directory = directory
        self.tools = tools
        inputs = try Inputs(home: factory.store.home)
        let name = recipe.environment
        progress = { factory.progress("\(name): \($0)") }
    }

    /// Chooses its inputs as of today; `below` is the lock of what it stands on.
    func lock(_ below: Lock.Layer?) throws -> Lock.Layer {
        if let base {
            try LayerBuild.extract(base, directory, try BuildSandbox(directory: directory.path, tools: tools))
        }
        let locking = LayerLocking(
            recipe: recipe, suite: suite, base: base.flatMap { base in below.map { ($0, base.packages) } },
            directory: directory, inputs: inputs, tools: tools, progress: progress)
        return try locking.run()
    }

    func build(_ lock: Lock.Layer) throws -> BuiltLayer {
        var fetcher = InputFetcher(inputs: inputs, given: given, tools: tools, progress: progress)
        fetcher.readsFiles = readsFiles
        try fetcher.fetch(lock, suite: suite, of: recipe.text, in: directory)
        let build = LayerBuild(
            recipe: recipe, permitted: permitted, lock: lock, suite: suite, base: base, directory: directory,
            inputs: inputs, tools: tools, progress: progress)
        return try build.run()
    }

    /// Of the host's tools that the layer's bits depend on, by package.
    func toolVersions() throws -> [String: String] {
        // mkfs.erofs of 1.5 has no option for it.
        var versions = ["erofs-utils": try tools.version(.fsckErofs, "-V")]
        if case .container = recipe.ground {
            versions["umoci"] = try tools.version(.umoci, "--version")
        } else if base == nil {
            versions["mmdebstrap"] = try tools.version(.mmdebstrap, "--version")
        }
        return versions
    }

    /// What payloads see: a container's own, under what the recipes say.
    func variables(of chain: RecipeChain, _ lock: Lock) throws -> [String: String] {
        var variables: [String: String] = [:]
        for container in lock.layers.compactMap(\.container) {
            for entry in try ContainerImage(container).variables(inputs) {
                let name = String(entry.prefix { $0 != "=" })
                if entry.contains("=") { variables[name] = String(entry.dropFirst(name.count + 1)) }
            }
        }
        return variables.merging(chain.variables) { _, own in own }
    }
}
