import GridModel
import ImageFormat
import ImageStore
import Linux
import Synchronization

/// Makes one filesystem whole, as its plan says; what the plan could not know, such as damage, is fetched as ranges.
struct LayerPull {
    let plan: LayerPlan
    let way: PullWay
    /// False where nothing may be fetched, whatever is missing.
    let mayFetch: Bool
    let blob: SparseBlob
    let places: RangePlaces
    /// A directory for a delta that is on its way, and for applying it.
    let scratch: String
    /// How this filesystem is called in what people read.
    let name: String
    let progress: (String) -> Void

    private static let connections = 8
    /// How long all places may fail before the pull ends; it goes on when it is repeated.
    private static let patience = Duration.seconds(30)

    /// What is here under other images is put in place, and no more.
    func copyWhatIsHere(_ report: inout PullReport) throws { try copy(plan.copies, &report) }

    func run(_ report: inout PullReport) throws {
        try copy(plan.copies, &report)
        if way == .delta, let delta = plan.delta {
            do { try apply(delta, &report) } catch
                where error is DistributionError || (error as? ImageStoreError)?.code == .missingBlob
            {
                report.note("\(error); its blocks are fetched by themselves")
            }
        }
        // Twice: blocks of a content that is there more than once are fetched in one place only.
        let rest = try Remainder(blob)
        if !mayFetch, !rest.lacking.isEmpty {
            throw DistributionError(
                .unavailable,
                "\(rest.lacking.count) blocks of \(name) were damaged where they should have been copied from")
        }
        try fetch(RangePlan(missing: rest.lacking), &report)
        try copy(rest.repeats, &report)
        guard try blob.finish() else {
            throw DistributionError(
                .unavailable, "blocks of \(name) were lost while others came; look at the disk, and pull again")
        }
    }

    // MARK: Here

    private func copy(_ copies: [BlockCopy], _ report: inout PullReport) throws {
        let most = 256
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: most * SparseBlob.blockSize, alignment: SparseBlob.blockSize)
        defer { buffer.deallocate() }
        var rest = copies[...]
        while let first = rest.first {
            let run = rest.prefix(most).enumerated().prefix { offset, copy in
                copy.from.blob === first.from.blob && copy.from.block == first.from.block + offset
            }.map(\.element)
            rest = rest.dropFirst(run.count)
            let source = first.from.block..<first.from.block + run.count
            guard try first.from.blob.read(source, into: buffer) else {
                for copy in run { try copyAlone(copy, buffer, &report) }
                continue
            }
            for (index, copy) in run.enumerated() { _ = try blob.store(Self.block(index, of: buffer), at: copy.to) }
            progress("\(name): copying from what is here, \(copies.count - rest.count) of \(copies.count) blocks")
        }
    }

    /// One of a run that is damaged somewhere.
    private func copyAlone(
        _ copy: BlockCopy, _ buffer: UnsafeMutableRawBufferPointer, _ report: inout PullReport
    ) throws {
        if try copy.from.blob.read(copy.from.block..<copy.from.block + 1, into: buffer) {
            _ = try blob.store(Self.block(0, of: buffer), at: copy.to)
        } else {
            report.note("a block of \(copy.from.blob.digest), which is here, is damaged; it is fetched instead")
        }
    }

    private static func block(_ index: Int, of buffer: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = index * SparseBlob.blockSize
        return UnsafeRawBufferPointer(rebasing: buffer[start..<start + SparseBlob.blockSize])
    }

    // MARK: Delta

    private func apply(_ delta: LayerPlan.Delta, _ report: inout PullReport) throws {
        let path = "\(scratch)/\(delta.hint.digest.hex)"
        let descriptor = OCIDescriptor(
            mediaType: MediaType.delta, digest: delta.hint.digest, size: delta.hint.size)
        progress("\(name): fetching a delta of \(ByteCount(delta.hint.size).rounded)")
        if !Files.exists(path) {
            try report.add(WholeBlob(descriptor, at: "\(path).part").bring(to: path, from: places(descriptor)))
        }
        progress("\(name): applying the delta")
        let result = Result { try DeltaApplication(from: delta.old, to: blob, scratch: scratch).run(path) }
        try Files.remove(path)
        try result.get()
    }

    // MARK: Ranges

    private func fetch(_ plan: RangePlan, _ report: inout PullReport) throws {
        if plan.requests.isEmpty { return }
        let fetch = BlockFetch(blob, from: places, patience: Self.patience)
        let queue = RequestQueue(plan.requests)
        let threads = try (0..<min(Self.connections, plan.requests.count)).map { _ in
            try WorkThread { queue.work { try fetch.bring($0) } }
        }
        let total = plan.bytes
        while !queue.waitForEnd(.milliseconds(200)) {
            progress("\(name): \(ByteCount(fetch.report.total).rounded) of \(ByteCount(total).rounded)")
        }
        for thread in threads { thread.join() }
        report.bytes += fetch.report.total
        report.requests += plan.requests.count
        for fault in fetch.report.faults { report.note(fault) }
        try queue.check()
    }
}

/// What a filesystem lacks.
private struct Remainder {
    /// One block of each content.
    var lacking: [Int] = []
    /// The others of it.
    var repeats: [BlockCopy] = []

    init(_ blob: SparseBlob) throws {
        var first: [BlockDigest: Int] = [:]
        for block in try blob.missing(in: 0..<blob.blockCount).joined() where !blob.verifier.isZero(block) {
            let key = blob.verifier.key(block)
            if let place = first[key] {
                repeats.append(BlockCopy(from: .init(blob: blob, block: place), to: block))
            } else {
                first[key] = block
                lacking.append(block)
            }
        }
    }
}

/// Requests that threads share.
private final class RequestQueue: Sendable {
    private struct State {
        var rest: ArraySlice<Range<Int>>
        var busy = 0
        var error: (any Error)?
    }

    private let state: Guarded<State>

    init(_ requests: [Range<Int>]) { state = Guarded(State(rest: requests[...])) }

    /// Does requests until none is left or one has failed.
    func work(_ body: (Range<Int>) throws -> Void) {
        while let request = next() {
            let result = Result { try body(request) }
            state.change { state in
                state.busy -= 1
                if case .failure(let error) = result, state.error == nil { state.error = error }
            }
        }
    }

    private func next() -> Range<Int>? {
        state.change { state in
            guard state.error == nil, let request = state.rest.popFirst() else { return nil }
            state.busy += 1
            return request
        }
    }

    /// False when the time has passed before the last request was done.
    func waitForEnd(_ time: Duration) -> Bool {
        state.wait(until: .now.advanced(by: time)) { state in
            state.busy == 0 && (state.rest.isEmpty || state.error != nil) ? true : nil
        } ?? false
    }

    func check() throws { try state.withLock { if let error = $0.error { throw error } } }
}
