package import GridModel
package import ImageStore
import Linux
import StrictYAML

/// The recipes at hand: one file `NAME.yaml` each, in a few directories.
package struct RecipeBook: Sendable {
    /// Earlier directories hide recipes of the same name in later ones.
    package let directories: [String]

    package init(directories: [String]) { self.directories = directories }

    /// `SOJOURN_RECIPES`, the home's own, and those installed with the program.
    package static func standard(home: Home) throws -> RecipeBook {
        let prefix = Files.parent(of: Files.parent(of: try Host.ownExecutable()))
        let named = Host.variable("SOJOURN_RECIPES").map { $0.split(separator: ":").map(String.init) } ?? []
        return RecipeBook(directories: named + ["\(home.path)/recipes", "\(prefix)/share/sojourn/recipes"])
    }

    /// By environment (`debian12` and `@debian12` are short for `os/debian12`), by a kernel's name, or by the path of a
    /// recipe file.
    package func recipe(_ name: String) throws -> Recipe {
        if Self.isRecipeFile(name) { return try Self.read(name) }
        let wanted = Self.wholeName(name)
        var names: [String] = []
        var broken: [any Error] = []
        for directory in directories where Files.isDirectory(directory) {
            var found: [(file: String, recipe: Recipe)] = []
            for file in try Self.files(of: directory) {
                do {
                    let recipe = try Self.read(file)
                    if recipe.name == wanted { found.append((file, recipe)) }
                    names.append(recipe.name)
                } catch {
                    broken.append(error)
                }
            }
            guard found.count <= 1 else {
                let files = found.map(\.file).joined(separator: ", ")
                throw ImageFactoryError(
                    .unknownRecipe,
                    "several recipes are called '\(wanted)': \(files); remove all but one, or give the path of one")
            }
            if let only = found.first { return only.recipe }
        }
        throw ImageFactoryError(
            .unknownRecipe,
            "there is no recipe for '\(name)' in \(searched()); \(NearestNames.hint(for: wanted, among: names))"
                + broken.map { "; a recipe could not be read: \($0)" }.joined())
    }

    /// What the recipe of an environment says, without its system.
    package func image(_ environment: Environment) throws -> ImageRecipe {
        guard case .image(let recipe) = try recipe(environment.description) else {
            throw ImageFactoryError(.unknownRecipe, "the recipe '\(environment)' makes a kernel, not an image")
        }
        return recipe
    }

    package func kernel(_ name: String) throws -> KernelRecipe {
        guard case .kernel(let recipe) = try recipe(name) else {
            throw ImageFactoryError(
                .unknownRecipe, "the recipe '\(name)' makes an image, not a kernel; write 'kind: kernel' in it")
        }
        return recipe
    }

    /// A recipe with the system that it stands on.
    package func chain(of recipe: ImageRecipe) throws -> RecipeChain {
        guard let base = recipe.base else { return try RecipeChain(recipe) }
        do {
            return try RecipeChain(recipe, on: try image(base))
        } catch let error as ImageFactoryError where error.code == .unknownRecipe {
            throw ImageFactoryError(
                .unknownRecipe, "\(recipe.text.path) stands on '\(base)', whose recipe is needed too", underlying: error
            )
        }
    }

    private static func wholeName(_ name: String) -> String {
        if name.hasPrefix("@") { return "os/\(name.dropFirst())" }
        let isShort = !name.contains("/") && !name.contains("@") && !name.hasPrefix("kernel-")
        return isShort ? "os/\(name)" : name
    }

    private static func isRecipeFile(_ name: String) -> Bool { name.hasSuffix(".yaml") || name.hasSuffix(".yml") }

    /// The directories, for a message.
    private func searched() -> String {
        if directories.isEmpty { return "no directory: none was given" }
        return directories.map { Files.isDirectory($0) ? $0 : "\($0) (not there)" }.joined(separator: ", ")
    }

    private static func files(of directory: String) throws -> [String] {
        try Files.list(directory).filter(isRecipeFile).map { "\(directory)/\($0)" }
    }

    private static func read(_ path: String) throws -> Recipe {
        do {
            return try Recipe(
                parsing: RecipeText(path: absolute(path), bytes: try Files.read(path, limit: YAMLReader.limit)))
        } catch let error as SystemError {
            throw ImageFactoryError(.unknownRecipe, "cannot read the recipe \(path)", underlying: error)
        }
    }

    /// The directory without links; the file's own name, for what it names lies beside it, not beside what it links to.
    private static func absolute(_ path: String) -> String {
        guard let directory = Files.canonical(Files.parent(of: path)) else { return path }
        return directory == "/" ? "/\(Files.name(of: path))" : "\(directory)/\(Files.name(of: path))"
    }
}
