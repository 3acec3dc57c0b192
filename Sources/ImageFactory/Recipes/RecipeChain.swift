import GridModel
package import ImageFormat
package import ImageTree

/// The recipes of one image, a layer each, and what they say together: software takes from its system what it does not
/// say itself.
package struct RecipeChain: Sendable {
    /// The system that the recipe stands on.
    package let base: ImageRecipe?
    /// The image's own.
    package let recipe: ImageRecipe
    /// Of every package; nil where the ground is a container image.
    package let suite: SuiteChoice?
    /// The name of a kernel recipe.
    package let kernel: String

    package init(_ recipe: ImageRecipe, on base: ImageRecipe? = nil) throws {
        func refuse(_ reason: String) -> ImageFactoryError {
            ImageFactoryError(.invalidRecipe, "\(recipe.text.path): \(reason)")
        }
        guard base?.environment == recipe.base else {
            let name = recipe.environment
            throw refuse(
                recipe.base.map {
                    "'\(name)' stands on '\($0)', not on '\(base?.environment.description ?? "nothing")'"
                }
                    ?? "'\(name)' stands on nothing, and cannot be put on '\(base?.environment.description ?? "")'")
        }
        guard let kernel = recipe.kernel ?? base?.kernel else {
            throw refuse("neither it nor its system names a kernel; add 'kernel: …'")
        }
        self.base = base
        self.recipe = recipe
        self.kernel = kernel
        suite = recipe.suite ?? base?.suite
        if suite == nil, !recipe.packages.isEmpty, let base {
            throw refuse(
                "it has 'packages', and '\(base.environment)' is made from a container image, without a suite of "
                    + "Debian to take them from; remove 'packages', or choose another system")
        }
    }

    /// From recipe files that an image carries, its system's first.
    package init(texts: [RecipeText]) throws {
        let recipes = try texts.map { text in
            guard case .image(let recipe) = try Recipe(parsing: text) else {
                throw ImageFactoryError(
                    .invalidRecipe, "\(text.path): this recipe makes a kernel; an image's recipes were expected")
            }
            return recipe
        }
        guard let last = recipes.last, recipes.count <= 2 else {
            throw ImageFactoryError(
                .invalidRecipe, "an image has one recipe, or its system's and its own; here are \(recipes.count)")
        }
        try self.init(last, on: recipes.count == 2 ? recipes[0] : nil)
    }

    /// From the lowest layer up.
    package var layers: [ImageRecipe] { (base.map { [$0] } ?? []) + [recipe] }

    /// Of each need the greater one.
    package var needs: ImageNeeds {
        let all = layers.compactMap(\.needs)
        let least = ImageNeeds()
        return ImageNeeds(
            memory: all.map(\.memory).max() ?? least.memory, cores: all.map(\.cores).max() ?? least.cores,
            architectureLevel: all.map(\.architectureLevel).max() ?? least.architectureLevel)
    }

    /// The recipe's own hide those of its system.
    package var variables: [String: String] {
        (base?.variables ?? [:]).merging(recipe.variables) { _, own in own }
    }

    /// What the system permits, it permits to what stands on it.
    package var permitted: Exemptions {
        var permitted = Exemptions()
        for layer in layers.map(\.permitted) {
            permitted.setUserID.formUnion(layer.setUserID)
            permitted.capabilities.formUnion(layer.capabilities)
            permitted.secrets.formUnion(layer.secrets)
        }
        return permitted
    }
}
