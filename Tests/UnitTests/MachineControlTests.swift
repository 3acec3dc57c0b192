import Control
import GridModel
import Testing

/// The machine's decisions, without a machine.
@Suite struct MachineControlTests {
    /// A control with a clock of its own.
    struct Scene {
        var now = ContinuousClock.now
        var control: MachineControl

        init(wall: Int64? = 100, cpu: Int64? = nil) {
            var limits = MachineControl.Limits()
            limits.cpu = cpu.map { WallTime(seconds: $0) }
            limits.output = .mebibytes(1)
            limits.wall = wall.map { WallTime(seconds: $0) }
            control = MachineControl(limits: limits, now: now)
        }

        mutating func receive(_ event: MachineControl.Event) -> [MachineControl.Effect] {
            control.receive(event, at: now)
        }

        mutating func pass(_ seconds: Int) -> [MachineControl.Effect] {
            var effects: [MachineControl.Effect] = []
            for _ in 0..<seconds {
                now = now.advanced(by: .seconds(1))
                effects += control.receive(.time, at: now)
            }
            return effects
        }

        /// Lets the guest show signs of life while time passes.
        mutating func work(_ seconds: Int) -> [MachineControl.Effect] {
            (0..<seconds).flatMap { _ in receive(.signOfLife) + pass(1) }
        }

        mutating func start() {
            #expect(receive(.hello) == [.sendContext])
            #expect(receive(.payloadStarted) == [])
        }

        mutating func outcome(_ event: MachineControl.Event) -> Outcome? {
            for case .finish(let outcome) in receive(event) { return outcome }
            return nil
        }
    }

    static func end(_ status: UInt8 = 0, signal: UInt8? = nil, oom: Bool = false, full: Bool = false)
        -> MachineControl.Event
    {
        .payloadEnded(.init(status: status, signal: signal, ranOutOfMemory: oom, filledScratch: full))
    }

    @Test(
        arguments: [
            (end(), .exited, 0), (end(7), .exited, 7), (end(signal: 11), .signalled, 139),
            (end(signal: 9, oom: true), .outOfMemory, 137), (end(oom: true), .exited, 0),
            (end(1, full: true), .scratchFull, 1), (end(full: true), .exited, 0),
        ] as [(MachineControl.Event, Outcome.Kind, UInt8)])
    func aPayloadsEndIsTheOutcome(_ event: MachineControl.Event, _ kind: Outcome.Kind, _ status: UInt8) {
        var scene = Scene()
        scene.start()
        #expect(scene.receive(event) == [.powerOff])
        let outcome = scene.outcome(.qemuEnded(signal: nil, status: 0))
        #expect(outcome?.kind == kind)
        #expect(outcome?.exitStatus == status)
    }

    @Test func wallTimeMeansTermThenGraceThenKill() {
        var scene = Scene(wall: 100)
        scene.start()
        #expect(scene.work(99) == [])
        #expect(scene.work(1) == [.signalPayload(15)])
        #expect(scene.work(9) == [])
        #expect(scene.work(1) == [.signalPayload(9)])
        #expect(scene.receive(Self.end(signal: 9)) == [.powerOff])
        let outcome = scene.outcome(.qemuEnded(signal: nil, status: 0))
        #expect(outcome?.kind == .wallTime)
        #expect(outcome?.exitStatus == 124)
    }

    @Test func processorTimeMeansTheSameOfTheHostsCount() {
        var scene = Scene(cpu: 60)
        scene.start()
        #expect(scene.receive(.spent(.milliseconds(59_990))) == [])
        #expect(scene.receive(.spent(.seconds(60))) == [.signalPayload(15)])
        // It goes on counting while the payload ends.
        #expect(scene.receive(.spent(.seconds(61))) == [])
        #expect(scene.work(10) == [.signalPayload(9)])
        #expect(scene.receive(Self.end(signal: 9)) == [.powerOff])
        let outcome = scene.outcome(.qemuEnded(signal: nil, status: 0))
        #expect(outcome?.kind == .cpuTime)
        #expect(outcome?.exitStatus == 124)
        #expect(outcome?.message.contains("--cpu") == true)
    }

    @Test func processorTimeThatWasNotLimitedEndsNothing() {
        var scene = Scene()
        scene.start()
        #expect(scene.receive(.spent(.seconds(1_000_000))) == [])
    }

    /// A machine that comes up, or goes, spends nobody's time.
    @Test func processorTimeIsThePayloadsOnly() {
        var scene = Scene(cpu: 60)
        #expect(scene.receive(.spent(.seconds(100))) == [])
        scene.start()
        _ = scene.receive(.payloadStages)
        #expect(scene.receive(.spent(.seconds(59))) == [])
        _ = scene.receive(Self.end(0))
        #expect(scene.receive(.spent(.seconds(100))) == [])
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.kind == .exited)
    }

    /// A guest's kernel can say that its payload has ended while it goes on.
    @Test func stagingDoesNotLiftTheProcessorTime() {
        var scene = Scene(cpu: 60)
        scene.start()
        _ = scene.receive(.payloadStages)
        #expect(scene.receive(.spent(.seconds(60))) == [.signalPayload(15)])
        #expect(scene.work(9) == [])
        #expect(scene.receive(.spent(.seconds(69))) == [])
        // Nor do they get more time who say it twice.
        _ = scene.receive(.payloadStages)
        #expect(scene.work(1) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .cpuTime)
    }

    @Test func whatWasProducedWithinTheProcessorTimeIsBroughtOut() {
        var scene = Scene(cpu: 60)
        scene.start()
        #expect(scene.receive(.spent(.seconds(60))) == [.signalPayload(15)])
        _ = scene.receive(.payloadStages)
        #expect(scene.receive(.spent(.seconds(61))) == [])
        #expect(scene.work(100) == [])
        _ = scene.receive(Self.end(0))
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.kind == .cpuTime)
    }

    @Test(arguments: [1, 15] as [Int32])
    func stagingAfterTooMuchOutputStillEndsOnRequest(_ number: Int32) {
        var scene = Scene()
        scene.start()
        #expect(scene.receive(.outputOverflowed) == [.signalPayload(15)])
        _ = scene.receive(.payloadStages)
        #expect(scene.work(20) == [])
        #expect(scene.receive(.signalled(number)) == [.signalPayload(UInt8(number))])
        #expect(scene.receive(.signalled(number)) == [])
        #expect(scene.work(10) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .outputLimit)
    }

    @Test func tooMuchOutputMeansTermThenGraceThenKill() {
        var scene = Scene()
        scene.start()
        #expect(scene.receive(.outputOverflowed) == [.signalPayload(15)])
        #expect(scene.receive(.outputOverflowed) == [])
        #expect(scene.work(10) == [.signalPayload(9)])
        _ = scene.receive(Self.end(signal: 9))
        let outcome = scene.outcome(.qemuEnded(signal: nil, status: 0))
        #expect(outcome?.kind == .outputLimit)
        #expect(outcome?.exitStatus == 125)
        #expect(outcome?.message.contains("--out-limit") == true)
    }

    /// An agent sends all output before it stages.
    @Test func tooMuchOutputOfAPayloadThatIsSaidToHaveEndedCostsTheMachine() {
        var scene = Scene()
        scene.start()
        _ = scene.receive(.payloadStages)
        #expect(scene.receive(.outputOverflowed) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .outputLimit)
    }

    @Test func aPayloadThatEndsWellInItsGraceStillReachedTheWallTime() {
        var scene = Scene(wall: 10)
        scene.start()
        _ = scene.work(10)
        _ = scene.receive(Self.end(0))
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.exitStatus == 124)
    }

    @Test func aPayloadThatNoKillReachesCostsTheMachine() {
        var scene = Scene(wall: 10)
        scene.start()
        #expect(scene.work(10 + 10 + 15) == [.signalPayload(15), .signalPayload(9), .killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .wallTime)
    }

    @Test func aMachineThatDoesNotComeUpIsGivenUp() {
        var scene = Scene()
        #expect(scene.pass(179) == [])
        #expect(scene.pass(1) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .guestHang)
    }

    @Test func silenceIsAHang() {
        var scene = Scene(wall: nil)
        scene.start()
        #expect(scene.work(500) == [])
        // The last sign was a second ago.
        #expect(scene.pass(58) == [])
        #expect(scene.pass(1) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .guestHang)
    }

    @Test func aResetIsAPanic() {
        var scene = Scene()
        scene.start()
        #expect(scene.receive(.guestReset) == [.killQEMU])
        let outcome = scene.outcome(.qemuEnded(signal: nil, status: 0))
        #expect(outcome?.kind == .guestPanic)
        #expect(outcome?.exitStatus == 125)
    }

    @Test func qemusOwnDeathIsToldApart() {
        var killed = Scene()
        killed.start()
        #expect(killed.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .qemuKilled)
        var failed = Scene()
        #expect(failed.outcome(.qemuEnded(signal: nil, status: 1))?.kind == .qemuFailed)
    }

    @Test func theFirstReasonStays() {
        var scene = Scene(wall: 10)
        scene.start()
        _ = scene.work(10)
        #expect(scene.receive(.signalled(15)) == [])
        #expect(scene.receive(.clientGone) == [])
        _ = scene.receive(Self.end(signal: 15))
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.kind == .wallTime)
    }

    @Test func anInterruptIsThePayloadsToTake() {
        var scene = Scene()
        scene.start()
        #expect(scene.receive(.signalled(2)) == [.signalPayload(2)])
        _ = scene.receive(Self.end(0))
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.kind == .exited)

        var deaf = Scene()
        deaf.start()
        #expect(deaf.receive(.signalled(2)) + deaf.receive(.signalled(2)) == [.signalPayload(2), .signalPayload(2)])
        #expect(deaf.receive(.signalled(2)) == [.signalPayload(9)])
        _ = deaf.receive(Self.end(signal: 9))
        #expect(deaf.outcome(.qemuEnded(signal: nil, status: 0))?.exitStatus == 130)
    }

    @Test(
        arguments: [
            (.signalled(2), .interrupted, 130), (.signalled(15), .terminated, 143),
            (.signalled(1), .terminalClosed, 129),
            (.clientGone, .clientKilled, 125),
        ] as [(MachineControl.Event, Outcome.Kind, UInt8)])
    func aWishToEndBeforeThePayloadRunsIsFulfilledAtOnce(
        _ event: MachineControl.Event, _ kind: Outcome.Kind, _ status: UInt8
    ) {
        var scene = Scene()
        #expect(scene.receive(event) == [.killQEMU])
        let outcome = scene.outcome(.qemuEnded(signal: 9, status: 0))
        #expect(outcome?.kind == kind)
        #expect(outcome?.exitStatus == status)
    }

    @Test(
        arguments: [
            (.signalled(15), 15, .terminated), (.signalled(1), 1, .terminalClosed), (.clientGone, 15, .clientKilled),
        ] as [(MachineControl.Event, UInt8, Outcome.Kind)])
    func aRunningPayloadIsAskedFirst(_ event: MachineControl.Event, _ signal: UInt8, _ kind: Outcome.Kind) {
        var scene = Scene()
        scene.start()
        #expect(scene.receive(event) == [.signalPayload(signal)])
        #expect(scene.work(10) == [.signalPayload(9)])
        _ = scene.receive(Self.end(signal: 9))
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.kind == kind)
    }

    @Test func aGuestThatSpeaksOutOfTurnIsStopped() {
        var twice = Scene()
        _ = twice.receive(.hello)
        #expect(twice.receive(.hello) == [.killQEMU])
        var early = Scene()
        #expect(early.receive(.payloadStarted) == [.killQEMU])
        #expect(early.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .guestFailed)
    }

    @Test func aGuestThatCannotPowerOffIsKilledWithItsOutcomeKept() {
        var scene = Scene()
        scene.start()
        _ = scene.receive(Self.end(3))
        #expect(scene.pass(15) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.exitStatus == 3)
    }

    @Test func stagingOutTakesNoWallTime() {
        var scene = Scene(wall: 10)
        scene.start()
        _ = scene.work(9)
        #expect(scene.receive(.payloadStages) == [])
        #expect(scene.work(599) == [])
        #expect(scene.receive(Self.end(0)) == [.powerOff])
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.kind == .exited)
    }

    @Test func stagingOutAfterTheWallTimeIsStillAwaited() {
        var scene = Scene(wall: 10)
        scene.start()
        #expect(scene.work(10) == [.signalPayload(15)])
        _ = scene.receive(.payloadStages)
        #expect(scene.work(100) == [])
        _ = scene.receive(Self.end(0))
        #expect(scene.outcome(.qemuEnded(signal: nil, status: 0))?.kind == .wallTime)
    }

    @Test func stagingOutHasAnEnd() {
        var scene = Scene(wall: nil)
        scene.start()
        _ = scene.receive(.payloadStages)
        #expect(scene.work(600) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.exitStatus == 125)
    }

    @Test func aMachineThatNeverStartsItsPayloadIsGivenUp() {
        var scene = Scene()
        _ = scene.receive(.hello)
        #expect(scene.work(780) == [.killQEMU])
        #expect(scene.outcome(.qemuEnded(signal: 9, status: 0))?.kind == .guestHang)
    }

    /// A laptop's lid was closed, or a batch system suspended the job: nobody was silent.
    @Test func aHostThatSleptBlamesNobody() {
        var scene = Scene(wall: nil)
        scene.start()
        _ = scene.work(5)
        scene.now = scene.now.advanced(by: .seconds(3600))
        #expect(scene.receive(.time) == [])
        #expect(scene.pass(59) == [])
        #expect(scene.pass(1) == [.killQEMU])
    }

    @Test func nothingIsAwaitedAfterTheEnd() {
        var scene = Scene()
        _ = scene.receive(.qemuEnded(signal: 9, status: 0))
        #expect(scene.control.nextDeadline == nil)
        #expect(scene.receive(.hello) == [])
    }

    /// Whatever happens in whatever order, a machine finishes exactly once, and only when QEMU has gone.
    @Test func anyOrderOfEventsFinishesOnce() {
        var generator = SplitMix(state: 13)
        for _ in 0..<5000 {
            var scene = Scene(wall: 20, cpu: 30)
            var finished = 0
            for _ in 0..<40 {
                let effects: [MachineControl.Effect] =
                    switch Int.random(in: 0...12, using: &generator) {
                    case 0: scene.receive(.hello)
                    case 1: scene.receive(.payloadStarted)
                    case 2: scene.receive(Self.end(1))
                    case 3: scene.receive(.signalled([1, 2, 15, 10].randomElement(using: &generator) ?? 2))
                    case 4: scene.receive(.clientGone)
                    case 5: scene.receive(.hostDiskFull("x"))
                    case 6: scene.receive(.guestReset)
                    case 7: scene.receive(.protocolFault("x"))
                    case 8: scene.receive(.outputOverflowed)
                    case 9: scene.receive(.spent(.seconds(Int.random(in: 0...90, using: &generator))))
                    case 10: scene.receive(.payloadStages)
                    default: scene.pass(Int.random(in: 1...30, using: &generator))
                    }
                for case .finish in effects { finished += 1 }
            }
            #expect(finished == 0)
            for case .finish in scene.receive(.qemuEnded(signal: 9, status: 0)) { finished += 1 }
            for case .finish in scene.receive(.qemuEnded(signal: 9, status: 0)) { finished += 1 }
            #expect(finished == 1)
        }
    }
}
