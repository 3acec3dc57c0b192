import Control
import Glibc
import GridModel
import GuestProtocol
package import ImageStore
package import Linux
import QEMU

/// The one process that owns a machine: QEMU, the guest's channel, the deadlines, the spool, the record.
///
/// One thread, one loop over `poll`: what to do is decided by `MachineControl`, what happens is done here.
package final class Supervisor {
    let directory: MachineDirectory
    let specification: MachineSpecification
    /// Readable when the `sojourn run` that asked for this machine is gone.
    private var lifeline: Descriptor?
    private let signals: Signals
    private let listener: Descriptor
    private(set) var control: MachineControl
    var parts = MachineParts()
    var phases = PhaseClock(now: .now)
    var meter = HostMeter()
    var status = MachineStatus.start
    var clients: [ClientConnection] = []
    private var standardOutput: Spool
    private var standardError: Spool
    private var console: ConsoleLog
    private var inputQueued: Int64 = 0
    private(set) var end: GuestMessage.PayloadEnd?
    private(set) var kernelRelease: String?
    private var outcome: Outcome?
    private var isStaging = false

    /// Supervises the machine of `directory` to its end and writes its record. The caller holds the directory's lock.
    package static func run(
        _ directory: MachineDirectory, lifeline: Descriptor?, installation: Installation, store: ImageStore,
        accept: StartAcceptance, places: @escaping RangePlaces
    ) throws {
        let specification = try MachineSpecification.read(directory.specification)
        let supervisor = try Supervisor(directory, specification, lifeline)
        let outcome = supervisor.live(
            MachineStart(
                specification: specification, directory: directory, installation: installation, store: store,
                accept: accept, places: places))
        try supervisor.finish(outcome)
    }

    private init(_ directory: MachineDirectory, _ specification: MachineSpecification, _ lifeline: Descriptor?) throws {
        self.directory = directory
        self.specification = specification
        self.lifeline = lifeline
        Signals.ignoreBrokenPipes()
        signals = try Signals([SIGTERM, SIGINT, SIGHUP])
        try RecordReserve.make(directory)
        standardOutput = try Spool(directory.standardOutput)
        standardError = try Spool(directory.standardError)
        console = try ConsoleLog(directory.consoleLog)
        listener = try Socket.listen(at: directory.socket)
        try listener.setNonblocking()
        control = MachineControl(limits: specification.limits, now: .now)
    }

    /// From the first step of the start to QEMU's end, however that comes.
    private func live(_ start: MachineStart) -> Outcome {
        do {
            try start.perform(&parts, phases: &phases)
            meter.follow(qemu: parts.qemu?.pid ?? 0, servers: parts.shares.map(\.process.pid))
            // Its time to come up begins with QEMU.
            control = MachineControl(limits: specification.limits, now: .now)
            while outcome == nil { try turn() }
        } catch let error as SystemError where error.isNoSpace {
            outcome = .failure(.hostDiskFull, "the host's disk is full: \(error)")
        } catch {
            outcome = .failure(parts.qemu == nil ? .refused : .guestFailed, "\(error)")
        }
        return outcome ?? .failure(.guestFailed, "the machine ended without an outcome")
    }

    // MARK: One turn of the loop

    private func turn() throws {
        var awaited: [(Int32, Poll.Interest)] = [(listener.raw, .readable), (signals.descriptor.raw, .readable)]
        if let lifeline { awaited.append((lifeline.raw, .readable)) }
        if let channel = parts.channel { awaited.append((channel.socket.raw, channel.interest)) }
        if let monitor = parts.monitor { awaited.append((monitor.socket.raw, .readable)) }
        if let console = parts.console { awaited.append((console.raw, .readable)) }
        if let qemu = parts.qemu { awaited.append((qemu.ended.raw, .readable)) }
        if let serving = parts.serving { awaited.append((serving.failed.raw, .readable)) }
        awaited += parts.shares.map { ($0.process.ended.raw, .readable) }
        awaited += clients.map { ($0.socket.raw, $0.interest(takesInput: hasRoomForInput)) }
        let came = try Poll.wait(awaited, until: nextDeadline)
        let ready = Set(zip(awaited, came).filter { $0.1 != [] }.map(\.0.0))

        if ready.contains(signals.descriptor.raw) { for number in signals.take() { receive(.signalled(number)) } }
        if let lifeline, ready.contains(lifeline.raw) {
            self.lifeline = nil
            receive(.clientGone)
        }
        if ready.contains(listener.raw), let client = try Socket.accept(listener) {
            clients.append(ClientConnection(socket: client))
        }
        if let serving = parts.serving, ready.contains(serving.failed.raw) {
            // Of reads that fail one says it all, and QEMU's end takes a moment.
            _ = try serving.failed.read(upTo: 4096)
            receive(.imageUnavailable(serving.failure.map { "\($0)" } ?? "a read of the image failed"))
        }
        try readConsole(ready)
        try readMonitor(ready)
        try readChannel(ready)
        readClients(ready)
        try watchProcesses(ready)
        try measure()
        receive(.time)
        status.phase = control.phase
        tellClients()
    }

    private var nextDeadline: ContinuousClock.Instant? {
        guard let deadline = control.nextDeadline, parts.qemu != nil else { return control.nextDeadline }
        return min(deadline, meter.nextSample)
    }

    func receive(_ event: MachineControl.Event) {
        let (before, wasClosing) = (phaseUnderWay, control.phase == .closing)
        let effects = control.receive(event, at: .now)
        // Whatever ends it: what was done until then is no part of closing.
        if !wasClosing, control.phase == .closing { mark(before) }
        for effect in effects { perform(effect) }
    }

    /// What the record calls what the machine is doing.
    private var phaseUnderWay: String {
        switch control.phase {
        case .booting: "boot"
        case .starting: "start"
        case .running: isStaging ? "stage" : "run"
        case .closing, .over: "close"
        }
    }

    private func perform(_ effect: MachineControl.Effect) {
        do {
            switch effect {
            case .sendContext:
                mark("boot")
                try parts.channel?.send(.hello(version: GuestLink.version))
                try parts.channel?.send(.context(specification.context(now: Host.realtime)))
            case .signalPayload(let number):
                // These announce an end; the payload reads of it when the signal comes.
                if number == UInt8(SIGTERM) || number == UInt8(SIGHUP) {
                    let features = FeatureDocuments(specification)
                    try parts.channel?.send(.document(features.shutdown(announced: Host.realtime.seconds)))
                }
                try parts.channel?.send(.signal(number))
            case .powerOff: try parts.channel?.send(.powerOff)
            case .killQEMU: parts.qemu?.signal(SIGKILL)
            case .finish(let outcome): self.outcome = outcome
            }
        } catch {
            receive(.protocolFault("\(error)"))
        }
    }

    // MARK: The guest

    private func readConsole(_ ready: Set<Int32>) throws {
        guard let socket = parts.console, ready.contains(socket.raw) else { return }
        while let bytes = try socket.read(upTo: 1 << 16) {
            if bytes.isEmpty {
                parts.console = nil
                break
            }
            try storing { try console.append(bytes) }
        }
    }

    private func readMonitor(_ ready: Set<Int32>) throws {
        guard let monitor = parts.monitor, ready.contains(monitor.socket.raw) else { return }
        try takeMonitorEvents()
    }

    func takeMonitorEvents() throws {
        guard let events = try parts.monitor?.receive() else {
            parts.monitor = nil
            return
        }
        for event in events {
            switch event {
            case .blockStatistics(let statistics): meter.take(statistics)
            case .reset: receive(.guestReset)
            case .diskFull(let device): receive(.hostDiskFull("disk \(device) of the machine could not grow"))
            case .diskFailed(let device, let reason): receive(.protocolFault("disk \(device) failed: \(reason)"))
            }
        }
    }

    private func readChannel(_ ready: Set<Int32>) throws {
        guard let channel = parts.channel, ready.contains(channel.socket.raw) else { return }
        do {
            try parts.channel?.flush()
            guard let messages = try parts.channel?.receive() else {
                parts.channel = nil
                return
            }
            for message in messages { try handle(message) }
            if !messages.isEmpty {
                receive(.signOfLife)
            }
            try parts.channel?.acknowledge()
        } catch let error as ProtocolError {
            receive(.protocolFault(error.message))
        } catch let error as SystemError where error.isBrokenPipe {
            parts.channel = nil
        }
    }

    private func handle(_ message: GuestMessage) throws {
        switch message {
        case .hello(let hello):
            guard hello.version == GuestLink.version else {
                throw ProtocolError(
                    .version, "its agent speaks version \(hello.version), expected \(GuestLink.version)")
            }
            kernelRelease = String(Self.printable(hello.kernelRelease).prefix(128))
            receive(.hello)
        case .started:
            if control.phase == .starting { mark("start") }
            meter.payloadStarts()
            parts.serving?.fillRest()
            receive(.payloadStarted)
        case .output(.output, let bytes):
            let kept = withinOutputLimit(bytes)
            try storing { try standardOutput.append(kept) }
            status.standardOutput = standardOutput.bytes
        case .output(.error, let bytes):
            let kept = withinOutputLimit(bytes)
            try storing { try standardError.append(kept) }
            status.standardError = standardError.bytes
        case .inputTaken(let bytes):
            guard Int64(bytes) <= inputQueued - status.inputTaken else {
                throw ProtocolError(.malformed, "it took more input than there was")
            }
            status.inputTaken += Int64(bytes)
        case .staging:
            guard control.phase == .running, specification.staging != nil, !isStaging else {
                throw ProtocolError(.malformed, "it stages what it was not asked for")
            }
            isStaging = true
            mark("run")
            receive(.payloadStages)
        case .ended(let end):
            guard control.phase == .running else { throw ProtocolError(.malformed, "a payload ended that did not run") }
            self.end = end
            receive(.payloadEnded(.init(end)))
        case .failed(let failure):
            receive(.payloadRefused(Outcome(failure)))
        case .heartbeat:
            break
        case .log(let line):
            try storing { try console.append(Array("agent: \(line)\n".utf8)) }
        }
    }

    /// A full disk ends the machine, not the supervisor.
    private func storing(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as SystemError where error.isNoSpace {
            receive(.hostDiskFull(error.message))
        }
    }

    private func watchProcesses(_ ready: Set<Int32>) throws {
        for share in parts.shares where ready.contains(share.process.ended.raw) {
            // A virtiofsd ends by itself when QEMU has gone; QEMU's end then says it all.
            if let qemu = parts.qemu, try !Poll.wait(for: qemu.ended.raw, until: .now.advanced(by: .seconds(1))) {
                receive(.shareEnded(share.path))
            }
        }
        guard let qemu = parts.qemu, try Poll.wait(for: qemu.ended.raw, until: .now) else { return }
        // Before it is reaped, for what it used to the last.
        mark(phaseUnderWay)
        guard let ended = qemu.reap() else { return }
        parts.qemu = nil
        switch ended {
        case .signalled(let number): receive(.qemuEnded(signal: number, status: 0))
        case .exited(let code): receive(.qemuEnded(signal: nil, status: Int32(code)))
        }
    }

    // MARK: The clients

    private var hasRoomForInput: Bool { inputQueued - status.inputTaken < Int64(GuestLink.inputWindow) }

    private func readClients(_ ready: Set<Int32>) {
        for index in clients.indices.reversed() where ready.contains(clients[index].socket.raw) {
            do {
                guard let messages = try clients[index].receive() else {
                    clients.remove(at: index)
                    continue
                }
                for message in messages { try handle(message) }
            } catch {
                // A client that breaks the protocol is left; the machine goes on.
                clients.remove(at: index)
            }
        }
    }

    private func handle(_ message: HostMessage) throws {
        switch message {
        case .input(let bytes):
            inputQueued += Int64(bytes.count)
            try parts.channel?.send(message)
        case .inputClosed, .outputClosed, .window: try parts.channel?.send(message)
        case .signal(let number): receive(.signalled(Int32(number)))
        case .hello, .context, .acknowledged, .powerOff, .document:
            throw ProtocolError(.malformed, "a client may not send this")
        }
    }

    func tellClients() {
        for index in clients.indices.reversed() {
            do { try clients[index].tell(status) } catch { clients.remove(at: index) }
        }
    }

    func finishConsole() throws { try console.finish() }

    func synchroniseSpool() throws {
        try standardOutput.synchronise()
        try standardError.synchronise()
    }
}
