import Foundation
import Testing

@testable import ImageFactory
@testable import ImageFormat

/// The JSON Schema and the parser say the same of recipes, where a schema can tell.
@Suite struct RecipeSchemaTests {
    static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples").path
    private static let schema = examples + "/recipe.schema.json"

    private func complaints(_ recipes: [String]) throws -> [String] {
        try SchemaOracle.complaints(of: recipes, schema: Self.schema)
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

    @Test(.enabled(if: SchemaOracle.isThere, SchemaOracle.remedy)) func shippedRecipesFitTheSchema() throws {
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

    @Test(.enabled(if: SchemaOracle.isThere, SchemaOracle.remedy)) func documentedRecipesAreSound() throws {
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

    @Test(.enabled(if: SchemaOracle.isThere, SchemaOracle.remedy)) func schemaAndParserAgree() throws {
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

    @Test(.enabled(if: SchemaOracle.isThere, SchemaOracle.remedy)) func whatOnlyTheParserCanTell() throws {
        let recipes = RecipeSchemaCases.badToTheParser
        for (recipe, verdict) in zip(recipes, try complaints(recipes)) {
            #expect(verdict.isEmpty, "the schema can tell too: \(verdict)\n\(recipe)")
            let fault = try complaint(recipe)
            #expect(!fault.isEmpty, "the parser takes\n\(recipe)")
        }
    }
}
