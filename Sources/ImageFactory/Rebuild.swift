package import GridModel
import ImageFormat
package import ImageStore
import Linux

/// What building an image again from its own recipes and lock gave.
package struct RebuildResult: Sendable {
    package let image: Digest
    package let rebuilt: Digest
    /// For people: which files of which layer differ, and how.
    package let differences: [String]

    package var isIdentical: Bool { image == rebuilt }
}

extension Factory {
    /// Builds every layer of an image again, from the recipes and the lock that it carries. Nothing is added to the store.
    package func rebuild(_ image: StoredImage, inputs: String?) throws -> RebuildResult {
        try requireTools()
        let texts = try store.recipes(of: image).enumerated().map { index, bytes in
            RecipeText(path: "\(image.digest.short)/recipe-\(index).yaml", bytes: bytes)
        }
        let chain = try RecipeChain(texts: texts)
        let lock = try store.lock(of: image)
        guard lock.layers.count == chain.layers.count else {
            throw ImageFactoryError(
                .locked, "\(image.digest) has \(chain.layers.count) recipes and a lock of \(lock.layers.count) layers")
        }
        let tools = try Toolbox(log: log("rebuild-\(image.digest.short)"))
        let given = try inputs.map { try Inputs(exported: $0) }
        return try rebuild(RebuildPlan(image: image, chain: chain, lock: lock, tools: tools, given: given), below: [])
    }

    private struct RebuildPlan {
        let image: StoredImage
        let chain: RecipeChain
        let lock: Lock
        let tools: Toolbox
        let given: Inputs?
    }

    /// Builds the next layer on those `below`, each in a directory that lasts until the last one is compared.
    private func rebuild(_ plan: RebuildPlan, below: [BuiltLayer]) throws -> RebuildResult {
        try BuildDirectory.with(home: store.home, tools: plan.tools) { directory in
            let recipe = plan.chain.layers[below.count]
            var work = try LayerWork(
                factory: self, recipe: recipe, suite: plan.chain.suite, directory: directory, tools: plan.tools)
            work.permitted = plan.chain.permitted
            work.given = plan.given
            work.base = below.last.map {
                BaseLayer(filesystem: $0.filesystem, listing: $0.listing, packages: $0.packages)
            }
            let built = try work.build(plan.lock.layers[below.count])
            guard below.count + 1 == plan.lock.layers.count else { return try rebuild(plan, below: below + [built]) }
            let assembly = try Assembly(
                chain: plan.chain, lock: plan.lock, variables: try work.variables(of: plan.chain, plan.lock),
                top: built,
                base: try below.flatMap { try Assembly.describe($0).map(\.descriptor) })
            let digest = try assembly.digest
            let differences = try digest == plan.image.digest ? [] : compare(plan.image, assembly, below + [built])
            return RebuildResult(image: plan.image.digest, rebuilt: digest, differences: differences)
        }
    }

    private func compare(_ image: StoredImage, _ assembly: Assembly, _ layers: [BuiltLayer]) throws -> [String] {
        var lines: [String] = []
        for layer in layers {
            let stored = try store.files(of: image, layer: layer.name)
            let built = try FileListing.decode(try Files.read(layer.listing, limit: 1 << 30), source: layer.listing)
            lines += FileComparison.lines(from: stored, to: built).map { "layer \(layer.name): \($0)" }
        }
        let mine = image.manifest.layers
        for blob in assembly.manifest.layers where !mine.contains(where: { $0.digest == blob.digest }) {
            lines.append("blob \(blob.mediaType) is \(blob.digest)")
        }
        if assembly.manifest.config.digest != image.manifest.config.digest { lines.append("the configuration differs") }
        return lines
    }
}
