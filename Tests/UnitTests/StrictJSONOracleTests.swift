import Foundation
import Testing

@testable import StrictJSON

/// Python's json module, made as strict as RFC 8259 asks, must agree on what is accepted and on what it says.
@Suite struct StrictJSONOracleTests {
    /// Reads one document a line (hexadecimal), answers `-` or its own sorted form with ASCII escapes.
    private static let oracle = """
        import json, sys
        def pairs(items):
            if len({k for k, _ in items}) != len(items): raise ValueError
            return dict(items)
        def constant(name): raise ValueError
        def check(v):
            if isinstance(v, str): v.encode()
            elif isinstance(v, list): [check(x) for x in v]
            elif isinstance(v, dict): [(check(k), check(x)) for k, x in v.items()]
        for line in sys.stdin:
            try:
                value = json.loads(bytes.fromhex(line).decode(), object_pairs_hook=pairs, parse_constant=constant)
                check(value)
                print(json.dumps(value, sort_keys=True))
            except (ValueError, RecursionError): print('-')
        """

    private func python(_ documents: [[UInt8]]) throws -> [String] {
        let scratch = FileManager.default.temporaryDirectory.path + "/json-\(UInt64.random(in: 0 ... .max))"
        defer { for name in ["in", "out"] { unlink("\(scratch).\(name)") } }
        let digits = Array("0123456789abcdef".utf8)
        var lines: [UInt8] = []
        for document in documents {
            for byte in document { lines += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
            lines.append(UInt8(ascii: "\n"))
        }
        try Data(lines).write(to: URL(fileURLWithPath: "\(scratch).in"))
        try Data().write(to: URL(fileURLWithPath: "\(scratch).out"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.oracle]
        process.standardInput = FileHandle(forReadingAtPath: "\(scratch).in")
        process.standardOutput = FileHandle(forWritingAtPath: "\(scratch).out")
        try process.run()
        process.waitUntilExit()
        let output = try String(contentsOf: URL(fileURLWithPath: "\(scratch).out"), encoding: .utf8)
        return output.split(separator: "\n").map(String.init)
    }

    /// The same numbers in every run.
    private struct Sequence: RandomNumberGenerator {
        var state: UInt64 = 42
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    @Test func agreesWithPythonOnDamagedDocuments() throws {
        let seeds = [
            #"{"a":[1,-2.5e+3,true,false,null],"b\u0041\n":"x\ud83d\ude00é","c":{"d":{},"e":[]}}"#,
            #"[0,-0,0.0,1E5,"\"\\\/\b\f\n\r\t",{"é":"😀"},[[[]]], 12345678901234567]"#,
        ]
        var random = Sequence()
        let alphabet = Array("{}[],:\"\\0123eE+-.tfnu \n\t".utf8) + [0, 0x1f, 0x7f, 0x80, 0xc3, 0xed, 0xf0]
        let documents = (0..<6000).map { index in
            var bytes = Array(seeds[index % 2].utf8)
            for _ in 0..<(index % 3) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch UInt8.random(in: 0..<3, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: place)
                default: bytes[place] = alphabet.randomElement(using: &random) ?? 0
                }
            }
            return bytes
        }
        let answers = try python(documents)
        try #require(answers.count == documents.count)
        var accepted = 0
        for (document, answer) in zip(documents, answers) {
            let text = String(decoding: document, as: UTF8.self)
            do { try StrictJSON.validate(document, source: "fuzz") } catch {
                #expect(answer == "-", "refused: \(text): \(error)")
                continue
            }
            accepted += 1
            #expect(answer != "-", "accepted: \(text)")
            // Numbers beyond Double are sound JSON that no value holds.
            if answer == "-" || answer.contains("Infinity") { continue }
            let ours = try StrictJSON.decode(JSONValue.self, from: document, source: "fuzz")
            let theirs = try StrictJSON.decode(JSONValue.self, from: Array(answer.utf8), source: "python")
            #expect(ours == theirs, "\(text)")
        }
        #expect(accepted > 2000 && accepted < 5000)
    }
}
