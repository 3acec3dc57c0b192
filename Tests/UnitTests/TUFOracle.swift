import Foundation
import Testing

/// The Python with the reference tools, which `make test` makes: a function of it for many values at once.
enum TUFOracle {
    static var python: String? { ProcessInfo.processInfo.environment["SOJOURN_TEST_PYTHON"] }
    static let remedy: Comment = "run the tests by 'make test'"

    /// What `body`, the end of a Python function of `value`, gives for each; nil where it raises an error.
    static func map(_ values: [Any], _ imports: String, _ body: String) throws -> [String?] {
        try ImageFixture.withDirectory { directory in
            let program = """
                import json, sys
                \(imports)

                def answer(value):
                    \(body)

                answers = []
                for value in json.load(open(sys.argv[1])):
                    try:
                        answers.append(answer(value))
                    except Exception:
                        answers.append(None)
                json.dump(answers, sys.stdout)
                """
            try Data(program.utf8).write(to: URL(fileURLWithPath: "\(directory)/ask.py"))
            try JSONSerialization.data(withJSONObject: values)
                .write(to: URL(fileURLWithPath: "\(directory)/values.json"))
            let result = try ImageFixture.run([
                try #require(python), "\(directory)/ask.py", "\(directory)/values.json",
            ])
            #expect(result.status == 0, "\(result.text)")
            return try JSONDecoder().decode([String?].self, from: Data(result.text.utf8))
        }
    }
}
