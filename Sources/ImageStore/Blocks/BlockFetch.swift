import ImageFormat
import Linux

/// Brings blocks of one filesystem from the places that have it: tries them in turn, believes none, waits where all fail.
package final class BlockFetch: Sendable {
    package let blob: SparseBlob
    private let places: RangePlaces
    private let patience: Duration
    private let state = Guarded(State())

    private struct State {
        var report = BlockReport()
        /// Places that gave wrong blocks, with how often.
        var lies: [String: Int] = [:]
        /// Places that failed, and until when others are asked before them.
        var failed: [String: ContinuousClock.Instant] = [:]
        var isStopped = false
    }

    /// One that lied so often is not asked again.
    private static let mostLies = 3
    /// Of a place that failed.
    private static let rest = Duration.seconds(2)

    /// - Parameter patience: how long all places may fail before a fetch ends as failed.
    package init(_ blob: SparseBlob, from places: @escaping RangePlaces, patience: Duration = .seconds(120)) {
        self.blob = blob
        self.places = places
        self.patience = patience
    }

    package var report: BlockReport { state.withLock { $0.report } }

    /// Ends what is being fetched with an error, and all later calls.
    package func stop() { state.change { $0.isStopped = true } }

    func note(_ fault: String) { state.withLock { $0.report.note(fault) } }

    /// Returns when all of these blocks are here; what was there is not fetched.
    ///
    /// - Parameter progress: called with the bytes that came.
    package func bring(_ blocks: Range<Int>, progress: (Int) -> Void = { _ in }) throws {
        if blocks.isEmpty { return }
        let end = ContinuousClock.now.advanced(by: patience)
        let waiting = {
            let isStopped = self.state.wait(until: .now.advanced(by: .milliseconds(20))) { $0.isStopped ? true : nil }
            if isStopped == true { throw self.stopped }
            return ContinuousClock.now < end
        }
        try blob.withClaim(on: blocks, waiting: waiting) {
            for request in RangePlan(missing: try blob.missing(in: blocks)).requests {
                let isDamaged = try blob.states(of: request).contains { $0 == .damaged }
                try fetch(request, progress)
                if isDamaged { note("blocks of \(blob.digest) were damaged on this host's disk, and fetched again") }
            }
        }
    }

    /// As `bring`, of blocks that nobody else fetches; some in between may be here.
    private func fetch(_ run: Range<Int>, _ progress: (Int) -> Void) throws {
        var next = run.lowerBound
        var lastProgress = ContinuousClock.now
        var pause = Duration.milliseconds(200)
        while true {
            var reasons: [String] = []
            for place in try candidates() {
                if state.withLock({ $0.isStopped }) { throw stopped }
                let before = next
                do {
                    return try fetch(&next, run.upperBound, from: place, progress)
                } catch let error as SystemError { throw error } catch {
                    reasons.append("\(place): \(error)")
                    let end = ContinuousClock.now.advanced(by: Self.rest)
                    state.withLock { $0.failed[place.description] = end }
                    // More than was asked for, at the end of what was.
                    if next == run.upperBound { return }
                }
                if next > before { (lastProgress, pause) = (.now, .milliseconds(200)) }
            }
            if ContinuousClock.now > lastProgress.advanced(by: patience) || reasons.isEmpty {
                throw failure(run, reasons)
            }
            let end = ContinuousClock.now.advanced(by: pause)
            if state.wait(until: end, for: { $0.isStopped ? true : nil }) == true { throw stopped }
            pause = min(pause * 2, .seconds(5))
        }
    }

    /// Those that did not lie too often; those that failed a moment ago last.
    private func candidates() throws -> [any RangeSource] {
        let (lies, failed) = state.withLock { ($0.lies, $0.failed) }
        let able = try places(blob.layer.filesystem).filter { lies[$0.description, default: 0] < Self.mostLies }
        let now = ContinuousClock.now
        let isTired = { (place: any RangeSource) in failed[place.description].map { $0 > now } ?? false }
        return able.filter { !isTired($0) } + able.filter(isTired)
    }

    private func fetch(
        _ next: inout Int, _ end: Int, from place: any RangeSource, _ progress: (Int) -> Void
    ) throws {
        let size = SparseBlob.blockSize
        let start = next
        var rest: [UInt8] = []
        var block = next
        defer { next = block }
        try place.read(blob.layer.filesystem, Int64(block * size)..<Int64(end * size)) { piece in
            state.withLock { $0.report.moved(Int64(piece.count), from: place.description) }
            progress(piece.count)
            guard block < end else { throw Self.wrongLength(of: end - start) }
            var piece = piece[...]
            if !rest.isEmpty {
                let taken = min(size - rest.count, piece.count)
                rest += piece.prefix(taken)
                piece = piece.dropFirst(taken)
                guard rest.count == size else { return }
                try rest.withUnsafeBytes { try keep($0, at: block, of: place) }
                rest.removeAll(keepingCapacity: true)
                block += 1
            }
            while piece.count >= size, block < end {
                try keep(UnsafeRawBufferPointer(rebasing: piece.prefix(size)), at: block, of: place)
                piece = piece.dropFirst(size)
                block += 1
            }
            rest += piece
        }
        guard block == end, rest.isEmpty else { throw Self.wrongLength(of: end - start) }
    }

    private static func wrongLength(of blocks: Int) -> ImageStoreError {
        ImageStoreError(.corruptedBlob, "it sent other than the \(blocks) blocks that were asked for")
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, at block: Int, of place: any RangeSource) throws {
        if try blob.store(bytes, at: block) { return }
        let fault = "\(place) sent a wrong block \(block) of \(blob.digest)"
        state.withLock {
            $0.lies[place.description, default: 0] += 1
            $0.report.note("\(fault); it was not used")
        }
        throw ImageStoreError(.corruptedBlob, fault)
    }

    private var stopped: ImageStoreError {
        ImageStoreError(.busy, "fetching \(blob.digest) was ended")
    }

    private func failure(_ run: Range<Int>, _ reasons: [String]) -> ImageStoreError {
        let why =
            reasons.isEmpty
            ? "no place is known that has it" : "all places failed: \(reasons.prefix(5).joined(separator: "; "))"
        return ImageStoreError(
            .missingBlob, "blocks \(run.lowerBound) to \(run.upperBound - 1) of \(blob.digest) are not here, and \(why)"
        )
    }
}
