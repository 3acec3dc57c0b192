import Foundation
import FuzzTargets
import Testing

/// What `make fuzz` gives to libFuzzer for long, here for a moment and with the same bytes each time.
@Suite struct FuzzTests {
    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(components: "..", "..", "Fuzz", "corpus").standardizedFileURL

    private static func seeds(_ target: FuzzTarget) throws -> [[UInt8]] {
        let directory = corpus.appending(component: target.name)
        return try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .sorted { $0.path < $1.path }.map { [UInt8](try Data(contentsOf: $0)) }
    }

    @Test func everyParserHasSeedsAndNoSeedIsWithoutParser() throws {
        let names = FuzzTarget.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path).sorted() == names.sorted())
    }

    @Test(arguments: FuzzTarget.all) func aParserKeepsItsPromises(_ target: FuzzTarget) throws {
        let seeds = try Self.seeds(target)
        #expect(!seeds.isEmpty)
        #expect(try seeds.contains { try target.run($0) }, "no seed is read, so that little of the parser is reached")
        try target.run([])
        var random = Mutation(seed: 5)
        for _ in 0..<2000 {
            guard let seed = seeds.randomElement(using: &random) else { return }
            let mutated = random.mutated(seed)
            do { try target.run(mutated) } catch {
                Issue.record("\(target.name), \(Data(mutated).base64EncodedString()) in Base64: \(error)")
                return
            }
        }
    }
}

extension FuzzTarget: CustomTestStringConvertible {
    public var testDescription: String { name }
}

/// Random changes of bytes, the same for the same seed (SplitMix64).
private struct Mutation: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    mutating func mutated(_ seed: [UInt8]) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let start = Int.random(in: 0...bytes.count, using: &self)
            let end = min(bytes.count, start + Int.random(in: 1...32, using: &self))
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes = Array(bytes[..<start])
            case 1: bytes.removeSubrange(start..<end)
            case 2: bytes.insert(contentsOf: bytes[start..<end], at: Int.random(in: 0...bytes.count, using: &self))
            case 3 where start < bytes.count: bytes[start] = UInt8.random(in: 0 ... .max, using: &self)
            default:
                let digits = ["0", "9223372036854775807", "-1", "99999999999999999999", "\u{0}", "é", "\n", "{[\""]
                bytes.insert(contentsOf: Array((digits.randomElement(using: &self) ?? "").utf8), at: start)
            }
        }
        return bytes
    }
}
