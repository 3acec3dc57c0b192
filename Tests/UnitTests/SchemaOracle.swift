import Foundation
import Testing

/// Python's jsonschema: what a schema says of documents, as editors and other programs read both.
enum SchemaOracle {
    static let examples = RecipeSchemaTests.examples

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
    static let remedy: Comment =
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

    static var isThere: Bool { python != nil }

    /// What the schema complains of in each document, YAML or JSON; empty where all is well.
    static func complaints(of documents: [String], schema: String) throws -> [String] {
        try ImageFixture.withDirectory { directory in
            try Data(program.utf8).write(to: URL(fileURLWithPath: "\(directory)/check.py"))
            try JSONEncoder().encode(documents).write(to: URL(fileURLWithPath: "\(directory)/documents.json"))
            let result = try ImageFixture.run([
                try #require(python), "\(directory)/check.py", schema, "\(directory)/documents.json",
            ])
            #expect(result.status == 0, "\(result.text)")
            return try JSONDecoder().decode([String].self, from: Data(result.text.utf8))
        }
    }
}
