package import GridModel

/// Decides what happens to one machine: events and a time in, effects out; no clock, no I/O.
///
/// Life: `booting` until the agent's hello, `starting` until the payload runs, `running`, `closing` once the payload's end
/// is known and the machine powers off, `over`.
package struct MachineControl: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What binds this machine.
    package struct Limits: Sendable, Equatable {
        /// From QEMU's start to the agent's hello.
        package var boot: Duration = .seconds(180)
        /// From the payload's start; nil where it may run for ever.
        package var wall: WallTime?
        /// Processor time from the payload's start, as the host counts it; nil where it may spend any.
        package var cpu: WallTime?
        /// What the payload may print; only named here: who stores the output counts it.
        package var output: ByteCount?
        /// Between the request to end and KILL.
        package var grace: Duration = .seconds(10)
        /// Without any sign of life from the guest.
        package var silence: Duration = .seconds(60)
        /// For an isolated machine's inputs or outputs.
        package var staging: Duration = .seconds(600)
        /// For what should take a moment: the kill of a payload, the power-off.
        package var moment: Duration = .seconds(15)

        package init() {}
    }

    package enum Event: Sendable {
        case hello
        case payloadStarted
        /// The payload has ended by itself and its outputs are brought out, which takes none of its time.
        case payloadStages
        case payloadEnded(PayloadEnd)
        case payloadRefused(Outcome)
        /// Any frame from the guest.
        case signOfLife
        case protocolFault(String)
        /// QEMU says that the guest reset or panicked.
        case guestReset
        case qemuEnded(signal: Int32?, status: Int32)
        case shareEnded(String)
        /// The person or batch system at the other side of `sojourn run`.
        case signalled(Int32)
        case clientGone
        case hostDiskFull(String)
        /// A read of the image failed for good.
        case imageUnavailable(String)
        /// The processor time that the machine has spent since the payload's start.
        case spent(Duration)
        /// The payload printed more than it may.
        case outputOverflowed
        case time
    }

    package struct PayloadEnd: Sendable, Equatable {
        package var status: UInt8
        package var signal: UInt8?
        package var ranOutOfMemory: Bool
        package var filledScratch: Bool

        package init(status: UInt8, signal: UInt8?, ranOutOfMemory: Bool, filledScratch: Bool) {
            self.status = status
            self.signal = signal
            self.ranOutOfMemory = ranOutOfMemory
            self.filledScratch = filledScratch
        }
    }

    package enum Effect: Sendable, Equatable {
        case sendContext
        case signalPayload(UInt8)
        case powerOff
        case killQEMU
        case finish(Outcome)
    }

    package enum Phase: String, Codable, Sendable { case booting, starting, running, closing, over }

    package private(set) var phase = Phase.booting
    private let limits: Limits
    /// A century: where no wall time was asked for.
    private static let never = Duration.seconds(100 * 366 * 86400)
    private var deadline: Instant
    private var lastSign: Instant
    private var lastEvent: Instant
    /// Why we end the machine, once we do.
    private var cause: Outcome?
    /// What QEMU's end will be reported as.
    private var outcome: Outcome?
    private var killed = false
    private var isStaging = false
    /// It was asked to end, and the grace runs; anew once it stages.
    private var isAsked = false
    private var interrupts = 0

    package init(limits: Limits, now: Instant) {
        self.limits = limits
        deadline = now.advanced(by: limits.boot)
        lastSign = now
        lastEvent = now
    }

    /// When `.time` must be said at the latest; nil when nothing is awaited.
    package var nextDeadline: Instant? {
        switch phase {
        case .over: nil
        case .booting, .closing: deadline
        // Often enough to tell a guest's silence from a sleep of this host.
        case .starting, .running: min(deadline, silenceEnds, lastEvent.advanced(by: limits.silence / 4))
        }
    }

    private var silenceEnds: Instant { lastSign.advanced(by: limits.silence) }

    package mutating func receive(_ event: Event, at now: Instant) -> [Effect] {
        if phase == .over { return [] }
        // Where nothing happened for so long, not even time, this host or this process slept, and the guest with it.
        if lastEvent.duration(to: now) > limits.silence / 2 { lastSign = now }
        lastEvent = now
        switch event {
        case .hello: return hello(now)
        case .payloadStarted: return started(now)
        case .payloadStages: return stages(now)
        case .payloadEnded(let end): return close(cause ?? outcome(of: end), now)
        case .payloadRefused(let outcome): return close(cause ?? outcome, now)
        case .signOfLife:
            lastSign = now
            return []
        case .protocolFault(let what): return kill(.failure(.guestFailed, "the guest broke the protocol: \(what)"))
        case .guestReset:
            return kill(.failure(.guestPanic, "the guest's kernel crashed; its last words are in console.log"))
        case .qemuEnded(let signal, let status): return gone(signal: signal, status: status)
        case .shareEnded(let what): return kill(.failure(.shareFailed, "a shared directory was lost: \(what)"))
        case .signalled(let number): return signalled(number, now)
        case .clientGone:
            return end(.failure(.clientKilled, "the 'sojourn run' that asked for this machine was killed"), by: 15, now)
        case .hostDiskFull(let what): return kill(.failure(.hostDiskFull, "the host's disk is full: \(what)"))
        case .imageUnavailable(let what): return kill(.failure(.imageUnavailable, what))
        case .spent(let time): return spent(time, now)
        case .outputOverflowed: return overflowed(now)
        case .time: return time(now)
        }
    }

    // MARK: The ordinary way

    private mutating func hello(_ now: Instant) -> [Effect] {
        guard phase == .booting else { return kill(.failure(.guestFailed, "the guest said hello twice")) }
        phase = .starting
        deadline = now.advanced(by: limits.boot + limits.staging)
        lastSign = now
        return [.sendContext]
    }

    private mutating func started(_ now: Instant) -> [Effect] {
        guard phase == .starting else { return kill(.failure(.guestFailed, "the guest started a payload unasked")) }
        phase = .running
        lastSign = now
        deadline = now.advanced(by: limits.wall?.duration ?? Self.never)
        return []
    }

    private mutating func stages(_ now: Instant) -> [Effect] {
        guard phase == .running, !isStaging else { return [] }
        // Also where it ended because we asked it to: what was produced so far is kept.
        isStaging = true
        isAsked = false
        deadline = now.advanced(by: limits.staging)
        return []
    }

    private func outcome(of end: PayloadEnd) -> Outcome {
        let status = end.signal.map { 128 &+ $0 } ?? end.status
        let how = end.signal.map { "was ended by signal \($0)" } ?? "returned \(end.status)"
        func outcome(_ kind: Outcome.Kind, _ message: String) -> Outcome {
            Outcome(kind, exitStatus: status, signal: end.signal, message: message)
        }
        // A payload that coped with the fault and returned 0 has done its work.
        if status != 0 && end.ranOutOfMemory {
            return outcome(
                .outOfMemory, "the machine's memory ran out and the command \(how); ask for more with --memory")
        }
        if status != 0 && end.filledScratch {
            return outcome(
                .scratchFull, "the scratch disk was full and the command \(how); ask for more with --scratch")
        }
        if interrupts > 0 && (end.signal == 2 || status == 130) {
            return outcome(.interrupted, "interrupted")
        }
        return outcome(end.signal == nil ? .exited : .signalled, "the command \(how)")
    }

    /// The end is known: the machine has only to go.
    private mutating func close(_ outcome: Outcome, _ now: Instant) -> [Effect] {
        guard phase != .closing else { return [] }
        self.outcome = outcome
        phase = .closing
        deadline = now.advanced(by: limits.moment)
        return [.powerOff]
    }

    private mutating func gone(signal: Int32?, status: Int32) -> [Effect] {
        phase = .over
        if let outcome { return [.finish(outcome)] }
        if let cause { return [.finish(cause)] }
        if let signal { return [.finish(.failure(.qemuKilled, "QEMU was killed by signal \(signal)"))] }
        return [.finish(.failure(.qemuFailed, "QEMU ended with status \(status) before the command did; see qemu.log"))]
    }

    // MARK: Other ends

    private mutating func signalled(_ number: Int32, _ now: Instant) -> [Effect] {
        switch number {
        case 15: return end(Outcome(.terminated, exitStatus: 143, message: "terminated on request"), by: 15, now)
        case 1: return end(Outcome(.terminalClosed, exitStatus: 129, message: "the terminal was closed"), by: 1, now)
        case 2:
            interrupts += 1
            let outcome = Outcome(.interrupted, exitStatus: 130, message: "interrupted")
            // Before there is a payload, and where it takes no notice, the wish is ours to fulfil.
            if phase == .booting || phase == .starting { return kill(outcome) }
            return interrupts >= 3 ? end(outcome, by: 9, now) : [.signalPayload(2)]
        default: return phase == .running ? [.signalPayload(UInt8(clamping: number))] : []
        }
    }

    private mutating func spent(_ time: Duration, _ now: Instant) -> [Effect] {
        guard phase == .running, let limit = limits.cpu, time >= limit.duration else { return [] }
        // That a payload has ended is the guest's word only: it does not lift the limit. Where the limit ended it, what
        // it produced is still brought out.
        if isStaging && cause?.kind == .cpuTime { return [] }
        let message = "the processor time of \(limit) was spent; ask for more with --cpu"
        return end(Outcome(.cpuTime, exitStatus: 124, message: message), by: 15, now)
    }

    private mutating func overflowed(_ now: Instant) -> [Effect] {
        let limit = limits.output.map { "the \($0) allowed" } ?? "is allowed"
        let outcome = Outcome.failure(
            .outputLimit, "the command printed more than \(limit); print less, or ask for more with --out-limit")
        // Who prints has not ended, whatever the guest says.
        return phase == .running && isStaging ? kill(outcome) : end(outcome, by: 15, now)
    }

    /// Asks the payload to end, and ends it after the grace.
    private mutating func end(_ outcome: Outcome, by number: UInt8, _ now: Instant) -> [Effect] {
        switch phase {
        case .booting, .starting: return kill(outcome)
        case .closing, .over: return []
        case .running:
            // A second request changes nothing, whoever makes it.
            if isAsked && number != 9 { return [] }
            isAsked = true
            cause = cause ?? outcome
            let grace = now.advanced(by: number == 9 ? limits.moment : limits.grace)
            deadline = isStaging ? min(deadline, grace) : grace
            killed = number == 9
            return [.signalPayload(number)]
        }
    }

    private mutating func kill(_ outcome: Outcome) -> [Effect] {
        if self.outcome == nil || phase != .closing { self.outcome = cause ?? outcome }
        phase = .closing
        return [.killQEMU]
    }

    private mutating func time(_ now: Instant) -> [Effect] {
        switch phase {
        case .booting where now >= deadline:
            return kill(.failure(.guestHang, "the machine did not come up within \(limits.boot)"))
        case .closing where now >= deadline:
            deadline = now.advanced(by: limits.moment)
            return [.killQEMU]
        case .starting where now >= silenceEnds, .running where now >= silenceEnds:
            return kill(.failure(.guestHang, "the guest gave no sign of life for \(limits.silence)"))
        case .starting where now >= deadline:
            return kill(.failure(.guestHang, "the machine was not made ready within \(limits.boot + limits.staging)"))
        case .running where now >= deadline:
            return overdue(now)
        default:
            return []
        }
    }

    private mutating func overdue(_ now: Instant) -> [Effect] {
        if isStaging {
            return kill(cause ?? .failure(.guestFailed, "the outputs were not staged within \(limits.staging)"))
        }
        guard let cause else {
            let limit = limits.wall.map { "\($0)" } ?? "given"
            let outcome = Outcome(
                .wallTime, exitStatus: 124, message: "the wall time of \(limit) was reached; ask for more with --wall")
            return end(outcome, by: 15, now)
        }
        if killed { return kill(cause) }
        return end(cause, by: 9, now)
    }
}
