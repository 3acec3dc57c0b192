import Glibc
package import GridModel
package import ImageStore
import System

/// The recipes at hand: one file `NAME.yaml` each, in a few directories.
package struct RecipeBook: Sendable {
    /// Earlier directories hide recipes of the same name in later ones.
    package let directories: [String]

    package init(directories: [String]) { self.directories = directories }

    /// `SOJOURN_RECIPES`, the home's own, and those installed with the program.
    package static func standard(home: Home, extra: [String] = []) throws -> RecipeBook {
        let prefix = Files.parent(of: Files.parent(of: try Host.ownExecutable()))
        let named = Host.variable("SOJOURN_RECIPES").map { $0.split(separator: ":").map(String.init) } ?? []
        return RecipeBook(directories: extra + named + ["\(home.path)/recipes", "\(prefix)/share/sojourn/recipes"])
    }

    /// By environment, by a kernel's name, or by the path of a recipe file.
    package func recipe(_ name: String) throws -> Recipe {
        if name.hasSuffix(".yaml") || name.hasSuffix(".yml") { return try Self.read(name) }
        let wanted = name.hasPrefix("@") ? "os/\(name.dropFirst())" : name
        var names: [String] = []
        var broken: [any Error] = []
        for file in try files() {
            do {
                let recipe = try Self.read(file)
                if recipe.name == wanted { return recipe }
                names.append(recipe.name)
            } catch {
                broken.append(error)
            }
        }
        let searched = directories.filter(Files.isDirectory).joined(separator: ", ")
        throw ImageFactoryError(
            .unknownRecipe,
            "there is no recipe for '\(name)' in \(searched.isEmpty ? "any recipe directory" : searched); "
                + NearestNames.hint(for: wanted, among: names)
                + broken.map { "; a recipe could not be read: \($0)" }.joined())
    }

    package func image(_ environment: Environment) throws -> ImageRecipe {
        guard case .image(let recipe) = try recipe(environment.description) else {
            throw ImageFactoryError(.unknownRecipe, "the recipe '\(environment)' makes a kernel, not an image")
        }
        return try complete(recipe)
    }

    package func kernel(_ name: String) throws -> KernelRecipe {
        guard case .kernel(let recipe) = try recipe(name) else {
            throw ImageFactoryError(
                .unknownRecipe, "the recipe '\(name)' makes an image, not a kernel; write 'kind: kernel' in it")
        }
        return recipe
    }

    /// The names of all recipes that can be read, sorted.
    package func names() throws -> [String] {
        var found: Set<String> = []
        for file in try files() {
            do { found.insert(try Self.read(file).name) } catch is ImageFactoryError {}
        }
        return found.sorted()
    }

    /// What a recipe says together with the system that it stands on.
    package func complete(_ recipe: ImageRecipe) throws -> ImageRecipe {
        guard let base = recipe.base else { return recipe }
        let below = try image(base)
        var whole = recipe
        whole.suite = recipe.suite ?? below.suite
        whole.packages = below.packages + recipe.packages.filter { !below.packages.contains($0) }
        whole.variables = below.variables.merging(recipe.variables) { _, own in own }
        whole.needs = recipe.needs ?? below.needs
        whole.kernel = recipe.kernel ?? below.kernel
        whole.texts = recipe.texts + below.texts
        return whole
    }

    private func files() throws -> [String] {
        try directories.filter(Files.isDirectory).flatMap { directory in
            try Files.list(directory).filter { $0.hasSuffix(".yaml") }.map { "\(directory)/\($0)" }
        }
    }

    private static func read(_ path: String) throws -> Recipe {
        do {
            return try Recipe(parsing: RecipeText(path: path, bytes: try Files.read(path, limit: 1 << 18)))
        } catch let error as SystemError {
            throw ImageFactoryError(.unknownRecipe, "cannot read the recipe \(path)", underlying: error)
        }
    }
}
