import Foundation
import Testing

@testable import ImageFactory
@testable import ImageFormat

/// The JSON Schema and the parser say the same of recipes, where a schema can tell.
@Suite struct RecipeSchemaTests {
    static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples").path
    private static let schema = examples + "/recipe.schema.json"

    /// A Python that has jsonschema and PyYAML: the system's, else the first on PATH.
    private static let python: String? = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (["/usr/bin"] + path.split(separator: ":").map(String.init)).map { "\($0)/python3" }.first { program in
            guard FileManager.default.isExecutableFile(atPath: program) else { return false }
            do {
                return try ImageFixture.run([program, "-c", "import jsonschema, yaml"]).status == 0
            } catch {
                return false
            }
        }
    }()
    private static let remedy: Comment =
        "no Python here has jsonschema and yaml: apt-get install python3-jsonschema python3-yaml"

    /// What PyYAML reads is resolved by YAML 1.2's core schema, as editors do: `on` is a key, not a truth value.
    private static let program = """
        import json, re, sys
        import jsonschema, yaml

        class Loader(yaml.SafeLoader):
            pass

        Loader.yaml_implicit_resolvers = {}
        for tag, form in [
            ("null", r"(~|null|Null|NULL|)"),
            ("bool", r"(true|True|TRUE|false|False|FALSE)"),
            ("int", r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)"),
            ("float", r"[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
            ("float", r"([-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN))"),
        ]:
            Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile("^" + form + r"\\Z"), None)

        schema = json.load(open(sys.argv[1]))
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        verdicts = []
        for text in json.load(open(sys.argv[2])):
            try:
                errors = [error.message for error in validator.iter_errors(yaml.load(text, Loader))]
            except yaml.YAMLError as error:
                errors = [str(error)]
            verdicts.append("; ".join(errors)[:500])
        json.dump(verdicts, sys.stdout)
        """

    /// What the schema complains of in each recipe; empty where all is well.
    private func complaints(_ recipes: [String]) throws -> [String] {
        try ImageFixture.withDirectory { directory in
            try Data(Self.program.utf8).write(to: URL(fileURLWithPath: "\(directory)/check.py"))
            try JSONEncoder().encode(recipes).write(to: URL(fileURLWithPath: "\(directory)/recipes.json"))
            let result = try ImageFixture.run([
                try #require(Self.python), "\(directory)/check.py", Self.schema, "\(directory)/recipes.json",
            ])
            #expect(result.status == 0, "\(result.text)")
            return try JSONDecoder().decode([String].self, from: Data(result.text.utf8))
        }
    }

    /// What the parser complains of.
    private func complaint(_ yaml: String) throws -> String {
        do {
            _ = try Recipe(parsing: RecipeText(path: "/r.yaml", bytes: Array(yaml.utf8)))
            return ""
        } catch let error as ImageFactoryError {
            return error.message
        }
    }

    @Test(.enabled(if: python != nil, remedy)) func shippedRecipesFitTheSchema() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.examples + "/recipes").sorted()
        let texts = try files.map { try String(contentsOfFile: "\(Self.examples)/recipes/\($0)", encoding: .utf8) }
        #expect(files.count >= 8)
        for (file, complaint) in zip(files, try complaints(texts)) {
            #expect(complaint.isEmpty, "\(file): \(complaint)")
        }
        // Editors find the schema by the first line.
        for (file, text) in zip(files, texts) {
            #expect(text.hasPrefix("# yaml-language-server: $schema=../recipe.schema.json\n"), "\(file)")
        }
    }

    @Test(.enabled(if: python != nil, remedy)) func documentedRecipesAreSound() throws {
        let page = try String(contentsOfFile: "\(Self.examples)/../Documentation/Recipes.md", encoding: .utf8)
        let recipes = page.components(separatedBy: "```yaml\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        #expect(recipes.count == 3)
        for (recipe, verdict) in zip(recipes, try complaints(recipes)) {
            let fault = try complaint(recipe)
            #expect(verdict.isEmpty && fault.isEmpty, "\(verdict) \(fault)\n\(recipe)")
        }
    }

    @Test(.enabled(if: python != nil, remedy)) func schemaAndParserAgree() throws {
        let good = RecipeSchemaCases.good
        let bad = RecipeSchemaCases.bad
        let verdicts = try complaints(good + bad)
        for (recipe, verdict) in zip(good, verdicts) {
            #expect(verdict.isEmpty, "the schema refuses\n\(recipe)\n\(verdict)")
            let fault = try complaint(recipe)
            #expect(fault.isEmpty, "the parser refuses\n\(recipe)\n\(fault)")
        }
        for (recipe, verdict) in zip(bad, verdicts.dropFirst(good.count)) {
            #expect(!verdict.isEmpty, "the schema takes\n\(recipe)")
            let fault = try complaint(recipe)
            #expect(!fault.isEmpty, "the parser takes\n\(recipe)")
        }
    }

    @Test(.enabled(if: python != nil, remedy)) func whatOnlyTheParserCanTell() throws {
        let recipes = RecipeSchemaCases.badToTheParser
        for (recipe, verdict) in zip(recipes, try complaints(recipes)) {
            #expect(verdict.isEmpty, "the schema can tell too: \(verdict)\n\(recipe)")
            let fault = try complaint(recipe)
            #expect(!fault.isEmpty, "the parser takes\n\(recipe)")
        }
    }
}
