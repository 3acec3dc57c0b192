import Dispatch
import Synchronization

/// Work on many files by several threads.
enum Parallel {
    /// The results in order, or one of the errors. `worker` is called once on each thread, and what it returns for
    /// every index that the thread takes.
    static func map<Result: Sendable>(
        count: Int, threads: Int, worker: @Sendable () -> (Int) throws -> Result
    ) throws -> [Result] {
        let state = Mutex(Progress<Result>(count: count))
        DispatchQueue.concurrentPerform(iterations: min(count, max(1, threads))) { _ in
            let work = worker()
            while let index = state.withLock({ $0.take() }) {
                do {
                    let result = try work(index)
                    state.withLock { $0.results[index] = result }
                } catch {
                    state.withLock { $0.fault = error }
                }
            }
        }
        return try state.withLock { state in
            if let fault = state.fault { throw fault }
            return state.results.compactMap { $0 }
        }
    }
}

private struct Progress<Result> {
    private var next = 0
    var results: [Result?]
    var fault: (any Error)?

    init(count: Int) { results = [Result?](repeating: nil, count: count) }

    /// The next index to work on; none after a fault.
    mutating func take() -> Int? {
        guard next < results.count, fault == nil else { return nil }
        next += 1
        return next - 1
    }
}
