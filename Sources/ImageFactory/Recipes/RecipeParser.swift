import GridModel
import ImageFormat
import Yams

extension Recipe {
    /// The largest recipe.
    package static let limit = 1 << 18

    /// Parses a recipe file; `text.path` appears in messages.
    package init(parsing text: RecipeText) throws {
        let file = text.path
        guard text.bytes.count <= Self.limit, let yaml = String(validating: text.bytes, as: UTF8.self) else {
            throw ImageFactoryError(.invalidRecipe, "\(file):1: a recipe is UTF-8 text of at most 256 KiB")
        }
        if let fault = ComplexYAML.first(in: text.bytes) {
            throw ImageFactoryError(
                .invalidRecipe,
                "\(file):\(fault.line): here is \(fault.what), which recipes do not know; write it out (a script "
                    + "or content that looks like it goes into a file of its own, named by 'files')")
        }
        var reader = try RecipeReader(try Self.compose(yaml, file: file), file: file, what: "a recipe")
        switch try reader.string("kind") {
        case nil, "image": self = .image(try ImageRecipe(&reader, text: text))
        case "kernel": self = .kernel(try KernelRecipe(&reader, text: text))
        case let other?: throw reader.error("kind", "'kind: \(other)' is not known; write image or kernel")
        }
        try reader.finish()
    }

    private static func compose(_ yaml: String, file: String) throws -> Node {
        do {
            guard let root = try Yams.compose(yaml: yaml) else {
                throw ImageFactoryError(.invalidRecipe, "\(file):1: the recipe is empty; begin with 'name: …'")
            }
            return root
        } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
            throw ImageFactoryError(
                .invalidRecipe,
                "\(file):\(context.mark.line): \(keys.map { "'\($0)'" }.joined(separator: ", ")) is given twice; "
                    + "remove one")
        } catch let error as YamlError {
            throw ImageFactoryError(.invalidRecipe, "\(file):\(error.line ?? 1): this is no valid YAML: \(error)")
        }
    }
}

extension YamlError {
    fileprivate var line: Int? {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }
}

extension KernelRecipe {
    fileprivate init(_ reader: inout RecipeReader, text: RecipeText) throws {
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
    init?(_ reader: inout RecipeReader) throws {
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
