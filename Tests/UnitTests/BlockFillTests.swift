import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

/// What is asked for, in which order, while a machine runs.
@Suite struct BlockFillTests {
    private let deadline = ContinuousClock.now.advanced(by: .seconds(20))

    /// Blocks of these chunks.
    private func blocks(_ chunks: Range<Int>) -> Range<Int> {
        chunks.lowerBound * BlockFill.chunk..<chunks.upperBound * BlockFill.chunk
    }

    private func blocks(_ chunk: Int) -> Range<Int> { blocks(chunk..<chunk + 1) }

    @Test func demandsUnderWayAtOnceBecomeFewRequestsFourOfThemAtATime() throws {
        try BlockFixture.with(blocks: 64 * BlockFill.chunk) { fixture in
            let place = GatedPlace(fixture.content)
            let fill = try BlockFill(BlockFetch(try fixture.blob(), from: { _ in [place] }))
            defer { fill.stop() }
            let came = Guarded(0)
            func demand(_ blocks: Range<Int>) {
                fill.demand(blocks) { result in
                    if case .success = result { came.change { $0 += 1 } }
                }
            }
            for chunk in [0, 50, 10, 60] { demand(blocks(chunk)) }
            #expect(place.wait(until: deadline) { $0.underWay.count == 4 })
            #expect(Set(place.asked) == Set([0, 50, 10, 60].map { blocks($0) }))
            // All are busy: what is asked for now waits, the same of it twice, and goes with its neighbours.
            for block in blocks(16..<48) { demand(block..<block + 1) }
            demand(blocks(20..<22))
            #expect(place.asked.count == 4)
            place.open()
            #expect(came.wait(until: deadline) { $0 == 4 + 32 * BlockFill.chunk + 1 ? true : nil } == true)
            #expect(Set(place.asked.dropFirst(4)) == [blocks(16..<32), blocks(32..<48)])
            #expect(place.asked.count == 6 && place.mostUnderWay == 4)
        }
    }

    @Test func whatIsWaitedForComesFirstThenTheTraceThenTheRest() throws {
        try BlockFixture.with(blocks: 64 * BlockFill.chunk) { fixture in
            let place = GatedPlace(fixture.content)
            // Two of them are neighbours; the last is of another filesystem, or a lie.
            let order = [50, 10, 40, 30, 20, 5, 6, 60].map { blocks($0) }
            let fill = try BlockFill(
                BlockFetch(try fixture.blob(), from: { _ in [place] }), trace: order + [1_000_000..<1_000_001])
            defer { fill.stop() }
            fill.fillRest()
            #expect(place.wait(until: deadline) { $0.underWay.count == 4 })
            #expect(Set(place.asked) == Set(order.prefix(4)))
            let came = Guarded(0)
            fill.demand(201..<203) { result in
                if case .success = result { came.change { $0 += 1 } }
            }
            // One answer at a time: each makes room for one request.
            for count in 5...8 {
                place.answerOne()
                #expect(place.wait(until: deadline) { $0.asked.count == count })
            }
            #expect(Array(place.asked[4...]) == [blocks(25), blocks(20), blocks(5..<7), blocks(60)])
            place.open()
            #expect(came.wait(until: deadline) { $0 == 1 ? true : nil } == true)
            #expect(place.wait(until: deadline) { _ in Files.exists(fixture.path) })
            let rest = place.asked[8...].map(\.lowerBound)
            #expect(rest == rest.sorted())
            #expect(try Files.read(fixture.path, limit: 1 << 24) == fixture.content)
            #expect(fill.report.total == Int64(fixture.content.count))
        }
    }

    /// On a link, what a machine asks for next would queue behind it.
    @Test func noneOfTheRestIsBegunWhileAMachineWaits() throws {
        try BlockFixture.with(blocks: 64 * BlockFill.chunk) { fixture in
            let place = GatedPlace(fixture.content)
            let fill = try BlockFill(BlockFetch(try fixture.blob(), from: { _ in [place] }))
            defer { fill.stop() }
            let came = Guarded(ContinuousClock.Instant?.none)
            fill.demand(blocks(30)) { _ in came.change { $0 = .now } }
            #expect(place.wait(until: deadline) { $0.asked.count == 1 })
            fill.fillRest()
            #expect(!place.wait(until: .now + .milliseconds(300)) { $0.asked.count > 1 })
            place.open()
            #expect(place.wait(until: deadline) { $0.asked.count > 1 })
            let quiet = try #require(came.withLock { $0 }).duration(to: .now)
            #expect(quiet > .milliseconds(90), "\(quiet)")
            #expect(place.wait(until: deadline) { _ in Files.exists(fixture.path) })
        }
    }

    @Test func afterAnOutageTheRestGoesOn() throws {
        try BlockFixture.with(blocks: 64 * BlockFill.chunk) { fixture in
            let place = PlaceFixture("mirror", fixture.content, .fails)
            let fetch = BlockFetch(try fixture.blob(), from: { _ in [place] }, patience: .milliseconds(50))
            let fill = try BlockFill(fetch, trace: [blocks(40)], pause: .milliseconds(50))
            defer { fill.stop() }
            fill.fillRest()
            let state = Guarded(())
            func eventually(_ condition: () -> Bool) -> Bool {
                while ContinuousClock.now < deadline, !condition() {
                    _ = state.wait(until: .now + .milliseconds(10)) { _ in Bool?.none }
                }
                return condition()
            }
            // The trace was tried once, the rest again and again.
            #expect(eventually { place.asked.filter { $0.lowerBound == 0 }.count > 3 })
            place.become(.honest)
            #expect(eventually { Files.exists(fixture.path) })
        }
    }

    /// What the machine asks for while the rest of it is tried in vain has a patience of its own.
    @Test func whatTheRestCouldNotHaveIsTriedForTheMachine() throws {
        try BlockFixture.with(blocks: 4 * BlockFill.chunk) { fixture in
            let place = GatedPlace(fixture.content, failures: 1)
            let fetch = BlockFetch(try fixture.blob(), from: { _ in [place] }, patience: .zero)
            let fill = try BlockFill(fetch, pause: .seconds(60))
            defer { fill.stop() }
            fill.fillRest()
            #expect(place.wait(until: deadline) { $0.underWay.count == 1 })
            let told = Guarded(Bool?.none)
            fill.demand(blocks(1)) { result in
                if case .success = result { told.change { $0 = true } } else { told.change { $0 = false } }
            }
            place.open()
            #expect(told.wait(until: deadline) { $0 } == true)
        }
    }
}

/// A place that answers when it is told to.
private final class GatedPlace: RangeSource {
    struct State {
        /// Blocks, in the order of asking.
        var asked: [Range<Int>] = []
        var underWay: [Range<Int>] = []
        var mostUnderWay = 0
        /// How many answers may go; nil for all.
        var allowed: Int? = 0
        /// So many of the first answers are refusals.
        var failures = 0
    }

    let description = "gate"
    private let content: [UInt8]
    private let state: Guarded<State>

    init(_ content: [UInt8], failures: Int = 0) {
        self.content = content
        state = Guarded(State(failures: failures))
    }

    var asked: [Range<Int>] { state.withLock { $0.asked } }
    var mostUnderWay: Int { state.withLock { $0.mostUnderWay } }

    func answerOne() { state.change { $0.allowed = $0.allowed.map { $0 + 1 } } }
    func open() { state.change { $0.allowed = nil } }

    /// False at the deadline. Looks every now and then too: the condition may be of more than the place.
    func wait(until deadline: ContinuousClock.Instant, for condition: (State) -> Bool) -> Bool {
        while ContinuousClock.now < deadline {
            if state.wait(until: .now.advanced(by: .milliseconds(10)), for: { condition($0) ? true : nil }) == true {
                return true
            }
        }
        return false
    }

    func read(_ blob: OCIDescriptor, _ range: Range<Int64>, sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let blocks = Int(range.lowerBound) / 4096..<Int(range.upperBound) / 4096
        state.change { state in
            state.asked.append(blocks)
            state.underWay.append(blocks)
            state.mostUnderWay = max(state.mostUnderWay, state.underWay.count)
        }
        defer { state.change { state in state.underWay.removeAll { $0 == blocks } } }
        let end = ContinuousClock.now.advanced(by: .seconds(20))
        let isAllowed = state.wait(until: end) { state -> Bool? in
            guard let allowed = state.allowed else { return true }
            if allowed == 0 { return nil }
            state.allowed = allowed - 1
            return true
        }
        let isRefused = state.change { state in
            state.failures -= 1
            return state.failures >= 0
        }
        if isRefused { throw PlaceFixture.Refusal() }
        guard isAllowed == true else { throw ImageStoreError(.missingBlob, "the gate was never opened") }
        try Array(content[Int(range.lowerBound)..<Int(range.upperBound)]).withUnsafeBytes { try sink($0) }
    }
}
