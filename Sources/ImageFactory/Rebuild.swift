import Attestation
package import GridModel
import ImageFormat
package import ImageStore
import Linux

/// What building an image or a kernel again from its own recipes and lock gave.
package struct RebuildResult: Sendable {
    package let image: Digest
    package let rebuilt: Digest
    /// For people: which files of which layer differ, and how.
    package let differences: [String]
    /// Versions of the host's tools that the bits depend on, by package.
    package let tools: [String: String]

    package var isIdentical: Bool { image == rebuilt }
}

extension Factory {
    /// Builds every layer of an image, or a kernel, again from the recipes and the lock that it carries. Nothing is added to
    /// the store; `keep` gets what was made while it is there, and the directory that it may be moved into.
    package func rebuild(
        _ source: RebuildSource, inputs: String?,
        keep: @escaping (AssembledArtifact, String) throws -> Void = { _, _ in }
    ) throws -> RebuildResult {
        try requireTools()
        try source.checkLock()
        try refuseFullDisk(source.name)
        let tools = try Toolbox(log: log("rebuild-\(source.digest.short)"))
        let given = try inputs.map { try Inputs(exported: $0) }
        let rebuild = Rebuilding(factory: self, source: source, tools: tools, given: given, keep: keep)
        return source.isKernel ? try rebuild.kernel() : try rebuild.image()
    }

    /// As `rebuild`, of an image of the home.
    package func rebuild(_ image: StoredImage, inputs: String?) throws -> RebuildResult {
        try rebuild(RebuildSource(.image(image), in: store), inputs: inputs)
    }

    /// Makes an endorsed image or kernel from its documents and takes it into the store, if every bit is the endorsed one.
    /// It counts as one that was fetched: who endorsed it answers for it, not this home. An image's kernel must be here.
    package func take(
        _ source: RebuildSource, inputs: String?, show: @escaping (String) -> Void = { _ in }
    ) throws -> RebuildResult {
        let result = try rebuild(source, inputs: inputs) { made, directory in
            guard try made.digest == source.digest else { return }
            try made.write(toLayout: "\(directory)/layout")
            _ = try store.importLayout("\(directory)/layout", source.digest.description, at: now, progress: show)
        }
        guard result.isIdentical else {
            let all = result.differences.prefix(20).map { "  \($0)\n" }.joined()
            throw ImageFactoryError(
                .wrongInput,
                "\(source.name) was rebuilt as \(result.rebuilt), where \(result.image) is endorsed, and is not taken; tools of "
                    + "other versions may make other bits (here \(Self.list(result.tools))); fetch it instead:\n\(all)")
        }
        return result
    }

    private static func list(_ tools: [String: String]) -> String {
        tools.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

/// A rebuild under way.
private struct Rebuilding {
    let factory: Factory
    let source: RebuildSource
    let tools: Toolbox
    let given: Inputs?
    /// Gets what was made, and the directory of the build.
    let keep: (AssembledArtifact, String) throws -> Void

    // MARK: An image

    func image() throws -> RebuildResult {
        let chain = try RecipeChain(texts: source.recipes)
        guard source.lock.kernel != nil else {
            throw ImageFactoryError(.locked, "the lock of \(source.digest) names no kernel: it is no image's")
        }
        return try build(chain, below: [], [:])
    }

    /// Builds the next layer on those `below`, each in a directory that lasts until the last one is compared.
    private func build(_ chain: RecipeChain, below: [BuiltLayer], _ used: [String: String]) throws -> RebuildResult {
        try BuildDirectory.with(home: factory.store.home, tools: tools) { directory in
            let recipe = chain.layers[below.count]
            var work = try LayerWork(
                factory: factory, recipe: recipe, suite: chain.suite, directory: directory, tools: tools)
            work.permitted = chain.permitted
            work.given = given
            work.readsFiles = source.isOwn
            work.base = below.last.map {
                BaseLayer(filesystem: $0.filesystem, listing: $0.listing, packages: $0.packages)
            }
            let built = try work.build(source.lock.layers[below.count])
            let used = used.merging(try work.toolVersions()) { first, _ in first }
            guard below.count + 1 == source.lock.layers.count else {
                return try build(chain, below: below + [built], used)
            }
            let assembly = try Assembly(
                chain: chain, lock: source.lock, variables: try work.variables(of: chain, source.lock), top: built,
                base: try below.flatMap(Assembly.describe))
            return try finish(assembly.artifact, used, in: directory) {
                try compare($0, assembly, below + [built])
            }
        }
    }

    private func compare(_ image: StoredImage, _ assembly: Assembly, _ layers: [BuiltLayer]) throws -> [String] {
        try layers.flatMap { layer in
            let stored = try factory.store.files(of: image, layer: layer.name)
            let built = try FileListing.decode(try Files.read(layer.listing, limit: 1 << 30), source: layer.listing)
            return FileComparison.lines(from: stored, to: built).map { "layer \(layer.name): \($0)" }
        }
    }

    // MARK: A kernel

    func kernel() throws -> RebuildResult {
        guard source.recipes.count == 1, case .kernel(let recipe) = try Recipe(parsing: source.recipes[0]) else {
            throw ImageFactoryError(.invalidRecipe, "the recipe of \(source.digest) makes no kernel")
        }
        let say = { (line: String) in factory.progress("\(recipe.name): \(line)") }
        return try BuildDirectory.with(home: factory.store.home, tools: tools) { directory in
            let inputs = try Inputs(home: factory.store.home)
            let fetcher = InputFetcher(
                inputs: inputs, given: given, tools: tools, readsFiles: source.isOwn, progress: say)
            try fetcher.fetch(source.lock.layers[0], suite: recipe.suite, of: recipe.text, in: directory)
            let build = KernelBuild(recipe: recipe, directory: directory.path, tools: tools, progress: say)
            let built = try build.run(source.lock.layers[0], inputs)
            return try finish(try Factory.assemble(built, of: recipe, lock: source.lock), [:], in: directory) { _ in []
            }
        }
    }

    // MARK: Both

    /// `files` tells what differs within an image that is here.
    private func finish(
        _ made: AssembledArtifact, _ tools: [String: String], in directory: BuildDirectory,
        files: (StoredImage) throws -> [String]
    ) throws -> RebuildResult {
        let digest = try made.digest
        var differences: [String] = []
        if digest != source.digest {
            differences = try source.storedImage.map(files) ?? []
            let wanted = source.manifest.layers
            for blob in made.manifest.layers where !wanted.contains(where: { $0.digest == blob.digest }) {
                differences.append("blob \(blob.mediaType) is \(blob.digest)")
            }
            if made.manifest.config.digest != source.manifest.config.digest {
                differences.append("the configuration differs")
            }
        }
        try keep(made, directory.path)
        return RebuildResult(image: source.digest, rebuilt: digest, differences: differences, tools: tools)
    }
}
