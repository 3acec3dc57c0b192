import Foundation
import Synchronization
import Testing

@testable import GridModel
@testable import ImageFormat
@testable import ImageStore
@testable import Linux

@Suite struct BlockFetchTests {
    private func fetch(
        _ blob: SparseBlob, _ places: [PlaceFixture], patience: Duration = .milliseconds(300)
    ) -> BlockFetch {
        BlockFetch(blob, from: { _ in places }, patience: patience)
    }

    @Test func onlyWhatIsMissingIsAskedFor() throws {
        try BlockFixture.with(blocks: 20) { fixture in
            let blob = try fixture.blob()
            let place = PlaceFixture("mirror", fixture.content)
            let fetch = fetch(blob, [place])
            try fetch.bring(5..<8)
            try fetch.bring(0..<20)
            #expect(place.asked.map { [$0.lowerBound / 4096, $0.upperBound / 4096] } == [[5, 8], [0, 5], [8, 20]])
            #expect(fetch.report.total == Int64(fixture.content.count))
            #expect(try fixture.bytes(blob, 0..<20) == fixture.content)
        }
    }

    @Test(
        "A place that is no good costs a try and a word, and nothing wrong is used",
        arguments: [PlaceFixture.Deed.lies, .fails, .isEmpty, .sendsLess, .sendsMore])
    func anotherPlaceIsTried(deed: PlaceFixture.Deed) throws {
        try BlockFixture.with(blocks: 20) { fixture in
            let blob = try fixture.blob()
            let (bad, good) = (PlaceFixture("bad", fixture.content, deed), PlaceFixture("good", fixture.content))
            let fetch = fetch(blob, [bad, good])
            try fetch.bring(0..<20)
            #expect(try fixture.bytes(blob, 0..<20) == fixture.content)
            #expect(fetch.report.faults.isEmpty == (deed != .lies), "\(fetch.report.faults)")
            try fetch.bring(0..<20)
        }
    }

    @Test func whoLiesOftenIsNotAskedAgain() throws {
        try BlockFixture.with(blocks: 40) { fixture in
            let (bad, good) = (PlaceFixture("bad", fixture.content, .lies), PlaceFixture("good", fixture.content))
            let fetch = fetch(try fixture.blob(), [bad, good])
            for block in 0..<6 {
                good.become(block % 2 == 0 ? .fails : .honest)
                do { try fetch.bring(block..<block + 1) } catch { continue }
            }
            #expect(bad.asked.count == 3)
        }
    }

    @Test func whereAllFailItWaitsAndEndsInWords() throws {
        try BlockFixture.with(blocks: 4) { fixture in
            let place = PlaceFixture("mirror", fixture.content, .fails)
            let fetch = fetch(try fixture.blob(), [place])
            let error = #expect(throws: ImageStoreError.self) { try fetch.bring(1..<3) }
            #expect("\(error.map { "\($0)" } ?? "")".contains(fixture.layer.filesystem.digest.description))
            #expect(place.asked.count >= 2)
            place.become(.honest)
            try fetch.bring(1..<3)
        }
    }

    @Test func withoutAPlaceItEndsAtOnce() throws {
        try BlockFixture.with(blocks: 4) { fixture in
            let fetch = BlockFetch(try fixture.blob(), from: { _ in [] }, patience: .seconds(3600))
            #expect(throws: ImageStoreError(.missingBlob, "")) { try fetch.bring(0..<1) }
        }
    }

    @Test func aStopEndsTheWait() throws {
        try BlockFixture.with(blocks: 4) { fixture in
            let place = PlaceFixture("mirror", fixture.content, .fails)
            let fetch = BlockFetch(try fixture.blob(), from: { _ in [place] }, patience: .seconds(3600))
            let waiting = try WorkThread {
                do { try fetch.bring(0..<1) } catch {
                    // Stopped, as it should be.
                }
            }
            fetch.stop()
            waiting.join()
            #expect(throws: ImageStoreError(.busy, "")) { try fetch.bring(0..<1) }
        }
    }

    @Test func twoAtOnceFetchEachBlockOnce() throws {
        try BlockFixture.with(blocks: 64) { fixture in
            let place = PlaceFixture("mirror", fixture.content)
            let fetches = try (0..<2).map { _ in fetch(try fixture.blob(), [place]) }
            let faults = Mutex<[any Error]>([])
            DispatchQueue.concurrentPerform(iterations: 2) { index in
                for start in stride(from: 0, to: 64, by: 8) {
                    do { try fetches[index].bring(start..<start + 8) } catch { faults.withLock { $0.append(error) } }
                }
            }
            #expect(faults.withLock { $0.isEmpty })
            #expect(fetches.map(\.report.total).reduce(0, +) == Int64(fixture.content.count))
        }
    }

    // MARK: - While a machine runs

    @Test func aFailureIsToldToWhomItConcerns() throws {
        try BlockFixture.with(blocks: 64) { fixture in
            let fill = try BlockFill(BlockFetch(try fixture.blob(), from: { _ in [] }))
            let told = Guarded(0)
            fill.demand(0..<1) { result in
                if case .failure = result { told.change { $0 += 1 } }
            }
            let deadline = ContinuousClock.now.advanced(by: .seconds(20))
            #expect(told.wait(until: deadline) { $0 == 1 ? true : nil } == true)
            fill.stop()
            fill.demand(1..<2) { _ in told.change { $0 += 1 } }
            #expect(told.withLock { $0 } == 2)
        }
    }
}
