import Foundation
import Testing

@testable import StrictJSON

/// Documents whose values lie in their bytes, and the canonical form that TUF signs.
@Suite struct JSONDocumentTests {
    private func document(_ text: String) throws -> JSONElement {
        try JSONDocument(Array(text.utf8), source: "a.json").root
    }

    private func canonical(_ text: String) throws -> String {
        String(decoding: try document(text).canonical(), as: UTF8.self)
    }

    // MARK: Values

    @Test func valuesAreReadAsWhatIsExpected() throws {
        let root = try document(
            #"{"text":"a\n\u00e9\ud83d\ude00é😀\"\\","yes":true,"no":false,"none":null,"n":-9223372036854775808,"#
                + #""list":[1,[],{}],"k\u0065y":1}"#)
        #expect(try root.required("text").text() == "a\né😀é😀\"\\")
        #expect(try root.required("yes").bool())
        #expect(try !root.required("no").bool())
        #expect(try root.required("n").integer() == .min)
        #expect(try root.required("list").elements().count == 3)
        #expect(try root.required("key").integer() == 1)
        #expect(try root.member("other") == nil)
        #expect(try root.members().map(\.key) == ["text", "yes", "no", "none", "n", "list", "key"])
    }

    @Test(arguments: [
        "1.0", "1e0", "-0.5", "9223372036854775808", "-9223372036854775809", "\"1\"", "true", "null", "[1]",
    ])
    func whatIsNoWholeNumberIsRefusedWithItsPlace(_ text: String) throws {
        let element = try document("{\n  \"n\": \(text)}").required("n")
        let error = try #require(throws: StrictJSONError.self) { try element.integer() }
        #expect(error.message == "a.json, line 2, column 8: expected a whole number")
        #expect(try document("{\"n\": 0}").required("n").integer() == 0)
    }

    @Test func everyKindIsRefusedWhereAnotherIsExpected() throws {
        let root = try document(#"{"a":1}"#)
        let number = try root.required("a")
        for (words, body) in [
            ("expected a string", { _ = try number.text() }), ("expected true or false", { _ = try number.bool() }),
            ("expected an array", { _ = try number.elements() }), ("expected an object", { _ = try number.members() }),
            ("expected an object", { _ = try number.member("b") }),
            ("the key 'b' is missing", { _ = try root.required("b") }),
        ] as [(String, () throws -> Void)] {
            let error = try #require(throws: StrictJSONError.self) { try body() }
            #expect(error.message.contains(words))
            #expect(error.message.contains("a.json, line 1, column"))
        }
    }

    // MARK: Refusals

    /// Of the form the document refuses what StrictJSON refuses, by the same words.
    @Test func refusesWhatStrictJSONRefuses() throws {
        let sound = Array(#"{"a":[1,-2.5e+3,true,null],"b\u0041":"x\ud83d\ude00é","c":{"d":{},"e":[]}}"#.utf8)
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var refused = 0
        for round in 0..<20_000 {
            var bytes = sound
            for _ in 0...random(2) {
                let place = random(bytes.count)
                switch round % 3 {
                case 0: bytes[place] = UInt8(random(256))
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: bytes[place...].prefix(random(6)), at: random(bytes.count))
                }
            }
            func outcome(_ body: () throws -> Void) -> String {
                do {
                    try body()
                    return ""
                } catch let error as StrictJSONError { return error.message } catch { return "\(error)" }
            }
            let one = outcome { _ = try JSONDocument(bytes, source: "x") }
            let other = outcome { _ = try StrictJSON.decode(JSONValue.self, from: bytes, source: "x") }
            // Numbers beyond a double are a matter of the value.
            if one == "" && other.contains("number") { continue }
            #expect(one == other, "\(String(decoding: bytes, as: UTF8.self))")
            refused += one == "" ? 0 : 1
        }
        #expect(refused > 5_000)
        #expect(throws: Never.self) { try JSONDocument(sound, source: "x") }
    }

    @Test func limitsHold() throws {
        let deep = Array((String(repeating: "[", count: 33) + String(repeating: "]", count: 33)).utf8)
        let limits = StrictJSON.Limits(bytes: 66, depth: 32)
        #expect(throws: StrictJSONError.self) { try JSONDocument(deep, limits: limits, source: "x") }
        let less = Array(deep.dropFirst().dropLast())
        #expect(throws: Never.self) { try JSONDocument(less, limits: limits, source: "x") }
        let long = Array("\"\(String(repeating: "a", count: 65))\"".utf8)
        let error = try #require(throws: StrictJSONError.self) {
            try JSONDocument(long, limits: limits, source: "x")
        }
        #expect(error.message == "x: 67 bytes, more than the 66 bytes allowed")
    }

    // MARK: Canonical form

    @Test func canonicalFormIsOLPCs() throws {
        #expect(
            try canonical(" {\"b\" : [ 1 , -0 , true,null ] ,\n\"a\":\"\\u0041\\/\\t\\\"\\\\\"} ")
                == "{\"a\":\"A/\t\\\"\\\\\",\"b\":[1,0,true,null]}")
        // Code points, not the units of UTF-16, where the first would be the last.
        #expect(
            try canonical(#"{"\ud83d\ude00":1,"\uffee":2,"é":3,"z":4}"#) == "{\"z\":4,\"é\":3,\"\u{FFEE}\":2,\"😀\":1}")
        #expect(throws: StrictJSONError.self) { try canonical("{\"a\":1.0}") }
        #expect(throws: StrictJSONError.self) { try canonical("[1e2]") }
    }

    /// Random documents, however they are written, have the canonical form of securesystemslib.
    @Test(.enabled(if: TUFOracle.python != nil, TUFOracle.remedy))
    func canonicalFormIsSecuresystemslibs() throws {
        var generator = SystemRandomNumberGenerator()
        let characters: [Unicode.Scalar] = [
            "a", "b", "Z", "0", "_", "-", " ", "\"", "\\", "/", "\n", "\t", "\u{1}", "\u{1F}", "\u{7F}", "\u{80}", "é",
            "e", "\u{301}", "\u{FFEE}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "😀", "\u{10FFFF}", "\u{2028}", "ß",
        ]
        func text() -> String {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                text.append(characters.randomElement(using: &generator) ?? "a")
            }
            return String(text)
        }
        func value(_ depth: Int) -> Any {
            switch Int.random(in: 0...(depth > 4 ? 4 : 7), using: &generator) {
            case 0: return NSNull()
            case 1: return Bool.random(using: &generator)
            case 2: return Int.random(in: .min ... .max, using: &generator)
            case 3: return Int.random(in: -3...3, using: &generator)
            case 4: return text()
            case 5: return (0..<Int.random(in: 0...4, using: &generator)).map { _ in value(depth + 1) }
            default:
                var object: [String: Any] = [:]
                for _ in 0..<Int.random(in: 0...6, using: &generator) { object[text()] = value(depth + 1) }
                return object
            }
        }
        // Python writes them anew, with and without escapes and space; what it wrote is read here.
        let values = (0..<2_000).map { _ in ["x": value(0)] as [String: Any] }
        let written = try TUFOracle.map(
            values, "import random",
            "return json.dumps(value, ensure_ascii=random.random() < 0.5, indent=random.choice([None, 1]))")
        let expected = try TUFOracle.map(
            written.map { $0 ?? "" }, "from securesystemslib.formats import encode_canonical",
            "return encode_canonical(json.loads(value))")
        #expect(expected.count == values.count)
        for (text, canonical) in zip(written, expected) {
            let text = try #require(text)
            #expect(try self.canonical(text).utf8.elementsEqual(try #require(canonical).utf8), "\(text)")
        }
    }
}
