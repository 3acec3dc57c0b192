import Foundation
import StrictJSON
import Testing

/// What the tools that others read our documents with say of them; throws where they find fault.
enum Oracle {
    /// Whether an envelope is one of a key (a file in PEM).
    static func accepts(_ path: String, key: String) throws -> Bool {
        let (python, script) = try program()
        return try Workshop.tool(python, [script, "envelope", path, key]).status == 0
    }

    private static func judge(_ arguments: [String]) throws -> JSONValue {
        let (python, script) = try program()
        let output = try Workshop.run(python, [script] + arguments)
        return try StrictJSON.decode(JSONValue.self, from: Array(output.utf8), source: "oracle")
    }

    private static func program() throws -> (python: String, script: String) {
        let variables = ProcessInfo.processInfo.environment
        let python = try #require(variables["SOJOURN_TEST_PYTHON"], "run the tests by 'make test'")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Scripts/test-tools/attestation-oracle.py")
        return (python, script.path)
    }

    /// A DSSE envelope with a statement of in-toto, signed by a key (a file in PEM).
    static func envelope(_ path: String, key: String) throws -> JSONValue { try judge(["envelope", path, key]) }

    /// An SPDX document; its name must end in `.spdx.json`.
    static func spdx(_ path: String) throws -> JSONValue { try judge(["spdx", path]) }
}
