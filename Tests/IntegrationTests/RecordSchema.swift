import Foundation

/// `Examples/record.schema.json`, as Python's jsonschema reads it.
enum RecordSchema {
    /// What of these records does not fit it; empty where all of it fits.
    static func faults(of records: [String], in directory: URL) throws -> String {
        let schema = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Examples/record.schema.json").path
        let program = """
            import json, sys, jsonschema
            schema = json.load(open(sys.argv[1]))
            jsonschema.Draft202012Validator.check_schema(schema)
            for path in sys.argv[2:]:
                for error in jsonschema.Draft202012Validator(schema).iter_errors(json.load(open(path))):
                    print(path, error.json_path, error.message)
            """
        let result = try Running(
            program: "/usr/bin/python3", arguments: ["-c", program, schema] + records, directory: directory, input: "",
            environment: [:]
        ).finish()
        return result.status == 0 ? result.output : "\(result.output)\(result.error)"
    }
}
