import Testing

@testable import ImageFormat

/// How missing blocks become requests.
@Suite struct RangePlanTests {
    @Test func neighboursAndSmallGapsAreOneRequest() {
        #expect(RangePlan(missing: [0..<1, 1..<3, 5..<6, 9..<10], bridge: 2).requests == [0..<6, 9..<10])
        #expect(RangePlan(missing: [0..<1, 1..<3, 5..<6], bridge: 0).requests == [0..<3, 5..<6])
        #expect(RangePlan(missing: [], bridge: 2).requests.isEmpty)
    }

    @Test func aRequestIsBounded() {
        let plan = RangePlan(missing: [0..<10, 11..<13], bridge: 2, most: 4)
        #expect(plan.requests == [0..<4, 4..<8, 8..<10, 11..<13] || plan.requests.allSatisfy { $0.count <= 4 })
        #expect(RangePlan(missing: [0..<5000]).requests.map(\.count) == [2048, 2048, 904])
    }

    @Test func bytesAreThoseOfAllBlocksBetween() {
        let plan = RangePlan(missing: [10, 12, 20])
        #expect(plan.requests == [10..<13, 20..<21] && plan.bytes == 4 * 4096)
        #expect(RangePlan.bytes(of: 10..<13) == 40960..<53248)
    }

    /// What fetches plans again what it finds missing within a request: it must not find other requests.
    @Test func aRequestIsPlannedAgainAsItself() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<200 {
            let blocks = (0..<300).filter { _ in random.next() % 3 == 0 }
            let plan = RangePlan(missing: blocks.map { $0..<$0 + 1 }, bridge: 2, most: 16)
            #expect(plan.requests.joined().filter { blocks.contains($0) } == blocks)
            for request in plan.requests {
                let within = blocks.filter { request.contains($0) }.map { $0..<$0 + 1 }
                #expect(RangePlan(missing: within, bridge: 2, most: 16).requests == [request])
            }
        }
    }
}

/// The same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &+ 1 }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}
