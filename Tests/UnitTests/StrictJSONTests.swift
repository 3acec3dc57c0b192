import Foundation
import Testing

@testable import StrictJSON

@Suite struct StrictJSONTests {
    private func value(_ text: String, limits: StrictJSON.Limits = .default) throws -> JSONValue {
        try StrictJSON.decode(JSONValue.self, from: Array(text.utf8), limits: limits, source: "test.json")
    }

    private func fault(_ bytes: [UInt8], limits: StrictJSON.Limits = .default) throws -> StrictJSONError {
        try #require(throws: StrictJSONError.self) {
            try StrictJSON.validate(bytes, limits: limits, source: "test.json")
        }
    }

    private func fault(_ text: String) throws -> StrictJSONError { try fault(Array(text.utf8)) }

    @Test func readsEveryKindOfValue() throws {
        let read = try value(
            #" {"a": [1, -2.5, true, null, "x\u00e9\ud83d\ude00/"], "b": {}, "c": 9223372036854775807} "#)
        #expect(
            read == [
                "a": [1, .double(-2.5), true, .null, "xé😀/"], "b": [:], "c": .int(.max),
            ])
        #expect(read["a"]?[1]?.double == -2.5)
        #expect(read["a"]?[4]?.string == "xé😀/")
        #expect(read["a"]?[5] == nil && read["z"] == nil && read[0] == nil && read["a"]?["a"] == nil)
        #expect(read["c"]?.int == .max && read["b"]?.object?.isEmpty == true)
        #expect(try value("18446744073709551616") == .double(18_446_744_073_709_551_616))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", "{'a':1}",
        "01", "-01", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "1 2", "nul",
        "nullx", "True", "truefalse", "[1] x", "{}{}", "]", "}", "[1}", #"{"a":1]"#, "// c\n1", "/**/1", "\u{feff}1",
        "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"", "\"\n\"", "\"\u{0}\"", "\u{0}",
        "1\u{0}", "[1]\u{0}", "\u{a0}1", "\u{c}1", #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800\ud800""#,
        #""\ud800x""#, #""\udc00\ud800""#, #"{"\ud800":1}"#, "1_000", "1f", "\"\\u+123\"", "\"\\",
    ])
    func whatIsNotJSONIsRefused(text: String) throws {
        let fault = try fault(text)
        #expect(fault.code == .malformed && fault.message.hasPrefix("test.json, line "), "\(fault)")
    }

    @Test(
        arguments: [
            [0x80], [0xc0, 0xaf], [0xc1, 0xbf], [0xc3], [0xe0, 0x80, 0xaf], [0xe2, 0x82], [0xed, 0xa0, 0x80],
            [0xed, 0xbf, 0xbf], [0xf0, 0x80, 0x80, 0xaf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff],
            [0xfe], [0xf0, 0x9f, 0x98],
        ] as [[UInt8]])
    func invalidUTF8IsRefused(sequence: [UInt8]) throws {
        #expect(try fault([34] + sequence + [34]).code == .malformed)
        #expect(try fault([34] + sequence).code == .malformed)
        #expect(try fault(Array("{\"a".utf8) + sequence + Array("\":1}".utf8)).code == .malformed)
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"\n":1,"\u000A":2}"#, #"{"😀":1,"\ud83d\uDE00":2}"#,
        #"{"/":1,"\/":2}"#, #"{"x":[{"b":1,"c":{},"b":2}]}"#, #"{"é":1,"e\u0301":2}"#, #"{"":1,"":2}"#,
        #"{"a\u0000":1,"a\u0000":2}"#, #"{"\\u0061":1,"\\u0061":2}"#,
    ])
    func aKeyThatIsThereTwiceIsRefusedHoweverWritten(text: String) throws {
        #expect(try fault(text).code == .duplicateKey)
    }

    @Test func keysThatOnlyResembleAreTwo() throws {
        #expect(try value(#"{"a":1,"A":2,"\\u0061":3,"a ":4,"b":{"a":1},"c":{"a":1}}"#).object?.count == 6)
    }

    @Test func faultsNameLineAndColumn() throws {
        #expect(try fault("{\n  \"a\": 1,\n  \"b\": x\n}").message == "test.json, line 3, column 8: expected a value")
        #expect(try fault("{\n\"a\": 1,\n \"a\": 2}").message.contains("line 3, column 2: the key 'a' is there twice"))
        #expect(try fault("[1").message.contains("the document ends here"))
        #expect(try fault("[01]").message.contains("leading zero"))
        #expect(try fault(#"{"\u001b[2J":1,"\u001b[2J":1}"#).message.contains("\u{1b}") == false)
    }

    @Test func depthAndSizeAreBounded() throws {
        let sound = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try value(sound) }
        #expect(try fault("[" + sound + "]").code == .tooDeep)
        #expect(try fault(String(repeating: "[", count: 2_000_000)).code == .tooDeep)
        #expect(try fault(String(repeating: "{\"a\":", count: 500_000)).code == .tooDeep)
        let large = [UInt8](repeating: 32, count: 4 << 20) + [49]
        #expect(try fault(large).code == .tooLarge)
        #expect(throws: Never.self) { try StrictJSON.validate(Array(large.dropFirst()), source: "large") }
        #expect(try fault(Array("123".utf8), limits: .init(bytes: 2)).code == .tooLarge)
        let deepest = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(throws: Never.self) { try value(deepest, limits: .init(depth: 512)) }
    }

    @Test func fourMebibytesAreScannedFast() throws {
        let record = #"{"path":"lib/modules/6.1/kernel/x.ko","size":123456,"digest":"sha256:0123456789abcdef"},"#
        let count = (4 << 20) / record.utf8.count - 1
        let bytes = Array(("[" + String(repeating: record, count: count) + "0]").utf8)
        let took = try ContinuousClock().measure { try StrictJSON.validate(bytes, source: "large") }
        #expect(took < .seconds(5))
        let keys = "{" + (0..<200_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}"
        #expect(throws: Never.self) { try StrictJSON.validate(Array(keys.utf8), source: "keys") }
    }

    private struct Machine: Codable, Equatable {
        struct Disk: Codable, Equatable { var path: String, size: Int32 }
        var name: String
        var disks: [Disk]
    }

    @Test(arguments: [
        (#"{"name":"m","disks":[{"path":"/a","size":"1"}]}"#, "at disks[0].size: expected an integer (Int32)"),
        (#"{"name":"m","disks":[{"path":"/a"}]}"#, "at disks[0]: the key 'size' is missing"),
        (#"{"name":null,"disks":[]}"#, "at name: expected a string, found null"),
        (#"{"name":"m","disks":{}}"#, "at disks: expected an array"),
        (#"{"name":"m","disks":[{"path":"/a","size":3000000000}]}"#, "at the top level: "),
        ("[]", "at the top level: "),
    ])
    func aWrongFormIsToldWithItsPath(text: String, expected: String) throws {
        let fault = try #require(throws: StrictJSONError.self) {
            try StrictJSON.decode(Machine.self, from: Array(text.utf8), source: "machine.json")
        }
        #expect(fault.code == .unexpected)
        #expect(fault.message.contains("machine.json: \(expected)"), "\(fault)")
    }

    @Test func numbersThatNothingHoldsAreRefused() throws {
        #expect(throws: StrictJSONError(.unexpected, "")) { try value("[1e999]") }
    }

    @Test func encodingIsSortedAndStable() throws {
        let value: JSONValue = ["b": "a/b", "a": [1, .double(0.5), .null], "B": "é\u{1}", "a10": true, "a9": false]
        let compact = try StrictJSON.encode(value)
        #expect(
            String(decoding: compact, as: UTF8.self)
                == #"{"B":"é\u0001","a":[1,0.5,null],"a10":true,"a9":false,"b":"a/b"}"#)
        let pretty = try StrictJSON.encode(value, pretty: true)
        #expect(pretty.last == 10 && pretty.dropLast().last == UInt8(ascii: "}"))
        for bytes in [compact, pretty] {
            #expect(try StrictJSON.decode(JSONValue.self, from: bytes, source: "own") == value)
        }
        #expect(throws: StrictJSONError(.unencodable, "")) { try StrictJSON.encode(["x": Double.nan]) }
        let machine = Machine(name: "m", disks: [.init(path: "/a", size: 1)])
        #expect(try StrictJSON.decode(Machine.self, from: try StrictJSON.encode(machine), source: "own") == machine)
    }
}
