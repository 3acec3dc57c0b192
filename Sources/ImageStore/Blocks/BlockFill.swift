import ImageFormat
import Linux

/// Brings the blocks of one filesystem while a machine runs from it: those that it waits for first, then those that a boot
/// reads, then the rest. Several at once, on threads of its own.
package final class BlockFill: Sendable {
    /// Called when all blocks that were asked for are here, or cannot be had.
    package typealias Completion = @Sendable (Result<Void, any Error>) -> Void

    private let fetch: BlockFetch
    private let state: Guarded<State>
    private let threads: Guarded<[WorkThread]>
    /// Blocks that are fetched together: 32 KiB.
    static let chunk = 8
    /// Chunks in one request that a machine does not wait for: 512 KiB.
    private static let mostChunks = 16
    private static let workers = 4
    /// No more of the rest is begun while a machine waits for blocks, or did so shortly before: on a link, what it asks for
    /// next would queue behind it.
    private static let quiet = Duration.milliseconds(100)

    private struct Demand {
        /// Chunks that are not here yet.
        var chunks: Set<Int>
        let completion: Completion
    }

    private struct State {
        var demands: [Demand] = []
        /// Chunks that a machine waits for, in the order of asking.
        var urgent: [Int] = []
        /// Chunks in the order in which a boot reads them; how many of them were begun.
        var trace: [Int]
        var traced = 0
        /// The next chunk of the rest; nil where the rest is not wanted.
        var rest: Int?
        var isRestRunning = false
        /// None of the rest is begun before.
        var restFrom: ContinuousClock.Instant?

        mutating func holdRest(for time: Duration) {
            let end = ContinuousClock.now.advanced(by: time)
            restFrom = max(restFrom ?? end, end)
        }
        var isFinished = false
        var inFlight: Set<Int> = []
        /// Chunks of which all is here.
        var done: BlockSet
        var isStopped = false
    }

    private let chunks: Int
    /// After which the rest is tried again where it failed.
    private let pause: Duration
    /// Then only what is damaged is fetched.
    private let wasWhole: Bool

    /// - Parameters:
    ///   - trace: blocks in the order in which a boot reads them.
    ///   - pause: after which the rest is tried again where it failed.
    package init(_ fetch: BlockFetch, trace: [Range<Int>] = [], pause: Duration = .seconds(10)) throws {
        self.fetch = fetch
        self.pause = pause
        let chunks = (fetch.blob.blockCount + Self.chunk - 1) / Self.chunk
        self.chunks = chunks
        var seen = BlockSet(count: chunks)
        var order: [Int] = []
        // A trace that says the same again and again would take its time.
        var looked = 0
        for run in trace
        where looked < 4 * chunks && run.lowerBound >= 0 && run.upperBound <= fetch.blob.blockCount && !run.isEmpty {
            for chunk in run.lowerBound / Self.chunk...(run.upperBound - 1) / Self.chunk where !seen.contains(chunk) {
                seen.insert(chunk)
                order.append(chunk)
            }
            looked += run.count / Self.chunk + 1
        }
        wasWhole = fetch.blob.isWhole
        state = Guarded(State(trace: wasWhole ? [] : order, done: BlockSet(count: chunks)))
        threads = Guarded([])
        for _ in 0..<Self.workers {
            let thread = try WorkThread { [weak self] in self?.work() }
            threads.withLock { $0.append(thread) }
        }
    }

    package var blob: SparseBlob { fetch.blob }
    package var report: BlockReport { fetch.report }

    /// From now on brings also what nobody asked for, where it is not here.
    package func fillRest() {
        if wasWhole { return }
        state.change { $0.rest = $0.rest ?? 0 }
    }

    /// Asks for blocks that a machine waits for.
    package func demand(_ blocks: Range<Int>, then completion: @escaping Completion) {
        let wanted = Set(blocks.lowerBound / Self.chunk...(blocks.upperBound - 1) / Self.chunk)
        let isStopped = state.change { state in
            if state.isStopped { return true }
            state.holdRest(for: Self.quiet)
            state.demands.append(Demand(chunks: wanted, completion: completion))
            // Also what was here before: it may have been damaged since.
            state.urgent += wanted.sorted().filter { !state.inFlight.contains($0) && !state.urgent.contains($0) }
            return false
        }
        if isStopped { completion(.failure(ImageStoreError(.busy, "the machine ends"))) }
    }

    /// Ends all threads; what waits fails.
    package func stop() {
        state.change { $0.isStopped = true }
        fetch.stop()
        let running = threads.withLock { all in
            defer { all = [] }
            return all
        }
        for thread in running { thread.join() }
        let left = state.withLock { state in
            defer { state.demands = [] }
            return state.demands
        }
        for demand in left { demand.completion(.failure(ImageStoreError(.busy, "the machine ends"))) }
    }

    // MARK: - A worker

    private struct Work {
        var chunks: Range<Int>
        var isRest = false
        /// A machine waited for it when it began.
        var isUrgent = false
    }

    /// What to do next; nil when there is nothing more to do ever.
    private func wait() -> Work? {
        while true {
            // That this moment comes is no change.
            let from = state.withLock { $0.restFrom }
            let deadline = from.flatMap { $0 > .now ? $0 : nil }
            let next = state.wait(until: deadline) { $0.isStopped ? .some(nil) : Self.next(&$0, chunks) }
            if let next { return next }
        }
    }

    private func work() {
        while let task = wait() {
            let count = fetch.blob.blockCount
            let blocks =
                min(task.chunks.lowerBound * Self.chunk, count)..<min(task.chunks.upperBound * Self.chunk, count)
            let result = Result { try fetch.bring(blocks) }
            let ready = state.change { end(task, result, &$0) }
            for (completion, result) in ready { completion(result) }
            if case .success = result { finishIfLast(task) }
        }
    }

    /// What to do next; nil where there is nothing, which a change may end.
    private static func next(_ state: inout State, _ chunks: Int) -> Work?? {
        if !state.urgent.isEmpty {
            let first = state.urgent.removeFirst()
            var end = first + 1
            // Neighbours that are waited for too come in the same request.
            while end - first < mostChunks, let index = state.urgent.firstIndex(of: end) {
                state.urgent.remove(at: index)
                end += 1
            }
            return begin(Work(chunks: first..<end, isUrgent: true), &state)
        }
        while state.traced < state.trace.count {
            let first = state.trace[state.traced]
            state.traced += 1
            if state.done.contains(first) || state.inFlight.contains(first) { continue }
            var end = first + 1
            while end - first < mostChunks, state.traced < state.trace.count, state.trace[state.traced] == end,
                !state.inFlight.contains(end)
            {
                state.traced += 1
                end += 1
            }
            return begin(Work(chunks: first..<end), &state)
        }
        guard let rest = state.rest, !state.isRestRunning, rest < chunks else { return nil }
        guard state.demands.isEmpty, state.restFrom.map({ $0 <= .now }) ?? true else { return nil }
        var first = rest
        while first < chunks, state.done.contains(first) || state.inFlight.contains(first) { first += 1 }
        var end = first
        while end < chunks, end - first < mostChunks, !state.done.contains(end), !state.inFlight.contains(end) {
            end += 1
        }
        state.rest = end
        state.isRestRunning = true
        return begin(Work(chunks: first..<end, isRest: true), &state)
    }

    private static func begin(_ task: Work, _ state: inout State) -> Work {
        state.inFlight.formUnion(task.chunks)
        return task
    }

    /// Whoever waited for nothing else, with what to tell them.
    private func end(
        _ task: Work, _ result: Result<Void, any Error>, _ state: inout State
    ) -> [(Completion, Result<Void, any Error>)] {
        state.inFlight.subtract(task.chunks)
        if task.isRest { state.isRestRunning = false }
        var ready: [(Completion, Result<Void, any Error>)] = []
        switch result {
        case .success:
            for chunk in task.chunks { state.done.insert(chunk) }
            for index in state.demands.indices { state.demands[index].chunks.subtract(task.chunks) }
            ready = state.demands.filter(\.chunks.isEmpty).map { ($0.completion, result) }
            state.demands.removeAll(where: \.chunks.isEmpty)
            // What a machine has read, it goes on from at once.
            if !ready.isEmpty { state.holdRest(for: Self.quiet) }
        case .failure:
            // Places may come back: what failed is of the rest then.
            state.rest = state.rest.map { min($0, task.chunks.lowerBound) }
            state.holdRest(for: pause)
            if !task.isUrgent {
                // Whoever asked for it meanwhile has the whole patience.
                let wanted = state.demands.reduce(into: Set<Int>()) { $0.formUnion($1.chunks) }
                state.urgent += wanted.intersection(task.chunks).subtracting(state.urgent).sorted()
                return []
            }
            let failed = state.demands.filter { !$0.chunks.isDisjoint(with: task.chunks) }
            ready = failed.map { ($0.completion, result) }
            state.demands.removeAll { !$0.chunks.isDisjoint(with: task.chunks) }
        }
        return ready
    }

    /// The last of the rest makes it a blob like all others. Of a whole one that was mended the rest is looked at.
    private func finishIfLast(_ task: Work) {
        let isLast = state.change { state in
            if wasWhole, !task.isRest, state.rest == nil { state.rest = 0 }
            guard state.rest == chunks, !state.isStopped, !state.isFinished, state.inFlight.isEmpty else {
                return false
            }
            state.isFinished = true
            return true
        }
        guard isLast else { return }
        do { _ = try fetch.blob.finish() } catch { fetch.note("\(error)") }
    }
}
