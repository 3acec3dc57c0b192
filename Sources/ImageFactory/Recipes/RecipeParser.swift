import GridModel
import ImageFormat
import StrictYAML

extension Recipe {
    /// Parses a recipe file; `text.path` appears in messages.
    package init(parsing text: RecipeText) throws {
        do {
            var reader = try YAMLReader(
                document: text.bytes, file: text.path, what: "a recipe", beginning: "name: …")
            switch try reader.string("kind") {
            case nil, "image": self = .image(try ImageRecipe(&reader, text: text))
            case "kernel": self = .kernel(try KernelRecipe(&reader, text: text))
            case let other?: throw reader.error("kind", "'kind: \(other)' is not known; write image or kernel")
            }
            try reader.finish()
        } catch let fault as YAMLFault {
            throw ImageFactoryError(.invalidRecipe, fault.description)
        }
    }
}

extension KernelRecipe {
    fileprivate init(_ reader: inout YAMLReader, text: RecipeText) throws {
        name = try reader.required("name", example: "kernel-debian12", RecipeName.kernel)
        _ = try reader.required("suite", example: "bookworm")
        guard let suite = try SuiteChoice(&reader) else { preconditionFailure("required above") }
        self.suite = suite
        package = try reader.required("package", example: "linux-image-cloud-amd64", RecipeName.package)
        guard var modules = try reader.reader("modules") else {
            throw reader.error(nil, "the key 'modules' is missing; add 'modules:' with lists 'boot' and 'late'")
        }
        bootModules = try modules.list("boot", RecipeName.module)
        lateModules = try modules.list("late", RecipeName.module)
        try modules.finish()
        purpose = try reader.string("purpose")
        licence = try reader.string("licence")
        self.text = text
    }
}

extension SuiteChoice {
    /// Nil where the recipe names no suite.
    init?(_ reader: inout YAMLReader) throws {
        let suite = try reader.parsed("suite", RecipeName.suite)
        components = try reader.list("components", RecipeName.component)
        acceptsEndOfLife = try reader.boolean("acceptEndOfLife")
        guard let suite else {
            for key in ["components", "acceptEndOfLife"] where reader.has(key) {
                throw reader.error(key, "'\(key)' belongs to a 'suite', which this recipe does not name; remove it")
            }
            return nil
        }
        self.suite = suite
        if components.isEmpty { components = ["main"] }
    }
}
