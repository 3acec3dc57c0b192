import StrictJSON
import Testing

@testable import StrictYAML

/// Texts that would keep Swift busy for minutes when they are compared or looked up.
@Suite struct CombiningRunTests {
    private static func marks(_ count: Int) -> String { String(repeating: "\u{301}\u{323}", count: count / 2) }

    private static func isRead(json: String) throws -> Bool {
        do { try StrictJSON.validate(Array(json.utf8), source: "test") } catch let error as StrictJSONError {
            #expect(error.code == .malformed && error.message.contains("combining characters"))
            return false
        }
        return true
    }

    @Test func aMegabyteOfCombiningCharactersIsRefusedAtOnce() throws {
        for text in ["{\"a\(Self.marks(500_000))\":1}", "[\"\(Self.marks(500_000))\"]"] {
            #expect(try !Self.isRead(json: text))
        }
        let escaped = String(repeating: #"\u0301\u0323"#, count: 100_000)
        #expect(try !Self.isRead(json: "{\"\(escaped)\":1}"))
        for yaml in ["os: a\(Self.marks(100_000))\n", "? a\(Self.marks(100_000))\n: 1\n"] {
            #expect(throws: YAMLFault.self) {
                try YAMLReader(document: Array(yaml.utf8), file: "test", what: "a test", beginning: "a: b")
            }
        }
    }

    @Test func asManyAsAnyWritingHasAreRead() throws {
        #expect(try Self.isRead(json: "[\"e\(Self.marks(30))e\(Self.marks(30))\"]"))
        #expect(try !Self.isRead(json: "[\"e\(Self.marks(32))\"]"))
        #expect(CombiningRun.first(in: "a: e\(Self.marks(30))") == nil)
    }

    @Test(arguments: [#"\u0301"#, #"\U00000301"#, "\u{301}", "\\u0301\\\n   "])
    func aRunInYAMLIsFoundHoweverItIsWritten(
        mark: String
    ) {
        let run = String(repeating: mark, count: 31)
        #expect(CombiningRun.first(in: "a: 1\nb: \"\(run)\"\n") != nil)
        #expect(CombiningRun.first(in: "a: 1\nb: \"\(run.dropLast(mark.count))\"\n") == nil)
        #expect(CombiningRun.first(in: "a: \"" + String(repeating: mark + "e", count: 40)) == nil)
    }

    @Test func theLineIsTold() { #expect(CombiningRun.first(in: "a: 1\nb: \(Self.marks(40))\n") == 2) }
}
