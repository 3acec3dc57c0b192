import Glibc
import GuestProtocol
import Linux

/// Pid 1: makes the machine ready, asks for its context, runs the payload, tells how it ended, and powers off.
final class Agent {
    private var channel: Channel
    private let signals: Signals
    private var context: GuestContext?
    private var group: PayloadGroup?
    private var payload: Payload?
    private var pendingInput: [UInt8] = []
    private var inputEnds = false
    private var status: GuestMessage.Status?
    private var scratchWasFull = false
    private var thrashing = Thrashing()
    private var wasHopeless = false
    private var nextHeartbeat = ContinuousClock.now
    private var usage: PayloadUsage?
    private var nextLook = ContinuousClock.now
    private var documents = Documents(payload: 0)
    private var payloadStart: UInt64 = 0

    static func runAsInit() {
        do {
            let agent = try boot()
            try agent.serve()
        } catch {
            // To the console, which the supervisor keeps: there is nobody else to tell.
            print("sojourn-guest: the machine cannot go on: \(error)")
        }
        Boot.powerOff()
    }

    /// Everything up to the hello.
    private static func boot() throws -> Agent {
        let start = Boot.uptimeMilliseconds
        try RootFilesystem.mountBasics()
        let arguments = try KernelArguments()
        if arguments.isProbe {
            print("sojourn-guest: this accelerator runs")
            Boot.powerOff()
        }
        try KernelModules.load("/lib/modules/load-order")
        let channel = try Channel()
        let disks = try Disks()
        if disks.has(GuestLink.Disk.swap) { try Boot.enableSwap(disks.path(GuestLink.Disk.swap)) }
        let staging = try Staging.Disks(disks)
        let late = try KernelModules.open("/lib/modules/late-order")
        // They are in memory, which is the payload's to use.
        try Files.removeTree("/lib")
        try RootFilesystem.assemble(layers: arguments.layers, disks: disks)
        let agent = Agent(channel: channel, signals: try Signals([SIGCHLD]), staging: staging, lateModules: late)
        try agent.channel.send(
            .hello(
                .init(
                    version: GuestLink.version, agent: "sojourn-guest", kernelRelease: Host.kernelRelease,
                    agentStartMilliseconds: start, mountedMilliseconds: Boot.uptimeMilliseconds)))
        // While the host answers.
        agent.group = try PayloadGroup()
        agent.usage = try PayloadUsage()
        return agent
    }

    private let staging: Staging.Disks
    private var lateModules: KernelModules

    private init(channel: Channel, signals: Signals, staging: Staging.Disks, lateModules: KernelModules) {
        self.lateModules = lateModules
        self.channel = channel
        self.signals = signals
        self.staging = staging
        Signals.ignoreBrokenPipes()
    }

    // MARK: The loop

    private func serve() throws {
        while true {
            let outputs = channel.hasRoom ? payload?.outputs ?? [] : []
            var awaited: [(Int32, Poll.Interest)] = [
                (channel.port.raw, channel.interest), (signals.descriptor.raw, .readable),
            ]
            awaited += outputs.map { ($0.descriptor.raw, .readable) }
            if let input = payload?.input, !pendingInput.isEmpty { awaited.append((input.raw, .writable)) }
            let ready = try Poll.wait(awaited, until: payload == nil ? nextHeartbeat : min(nextHeartbeat, nextLook))
            if ready[0].contains(.readable) {
                for message in try channel.receive() { try handle(message) }
            }
            try channel.flush()
            for (index, output) in outputs.enumerated() where ready[2 + index] != [] { try read(output) }
            try passInput()
            if !signals.take().isEmpty { reap() }
            try look()
            try beat()
            try finishIfDone()
        }
    }

    private func handle(_ message: HostMessage) throws {
        switch message {
        case .hello(let version):
            guard version == GuestLink.version else {
                throw ProtocolError(.version, "the host speaks version \(version), this agent \(GuestLink.version)")
            }
        case .context(let context): try start(context)
        case .input(let bytes): pendingInput += bytes
        case .inputClosed: inputEnds = true
        case .outputClosed(let stream):
            // A terminal's one stream is closed by its hang-up instead.
            if payload?.terminal == nil { payload?.outputs.removeAll { $0.stream == stream } }
        case .window(let columns, let rows):
            if let terminal = payload?.terminal {
                try Terminal.setWindow(.init(columns: columns, rows: rows), of: terminal.raw)
            }
        case .signal(let number):
            guard let payload, status == nil else { return }
            if number == UInt8(SIGKILL) { Boot.killEverything() } else { deliver(Int32(number), to: payload) }
        case .acknowledged: break  // The channel has taken it.
        case .powerOff: Boot.powerOff()
        case .document(let document): try replace(document)
        }
    }

    /// A document less is no reason to end the machine: what follows is the signal that it announces.
    private func replace(_ document: GuestDocument) throws {
        do {
            try documents.put(document, start: payloadStart)
        } catch {
            try channel.send(.log("document \(document.name): \(error)"))
        }
    }

    /// To the payload's session leader and its group: what a terminal or a batch system would have signalled.
    private func deliver(_ number: Int32, to payload: Payload) {
        Boot.signal(number, pid: payload.pid, group: true)
        if number == SIGTERM || number == SIGHUP { Boot.signal(SIGCONT, pid: payload.pid, group: true) }
    }

    private func start(_ context: GuestContext) throws {
        guard self.context == nil else { throw ProtocolError(.malformed, "a second context") }
        self.context = context
        do {
            try Contextualisation.apply(context)
            guard let group else { throw SystemError(code: 0, message: "the payload's cgroup is missing") }
            if context.hasOutgoingNetwork {
                try loadLateModules()
                try OutgoingNetwork.configure()
            }
            try limit(group, context)
            try group.delegate(uid: context.user.uid, gid: context.user.gid)
            if let stage = context.staging, stage.hasInputs {
                try staging.bringIn(for: context) { try channel.send(.heartbeat) }
            }
            let listener = try tell(context)
            let payload = try Payload.start(context, in: group)
            self.payload = payload
            try channel.send(.started(pid: UInt32(payload.pid)))
            try serve(listener)
            try loadLateModules()
        } catch let refusal as Payload.Refusal {
            try channel.send(.failed(refusal.failure))
        } catch {
            try channel.send(.failed(.init(reason: .setup, message: "\(error)")))
        }
    }

    /// Those that are already loaded are not loaded again.
    private func loadLateModules() throws {
        do { try lateModules.load() } catch { try channel.send(.log("\(error)")) }
    }

    private func limit(_ group: PayloadGroup, _ context: GuestContext) throws {
        let missing = try group.limit(memory: context.memoryLimitBytes, swap: context.swapLimitBytes)
        if missing > 0 { try channel.send(.log("the machine is \(missing >> 10) KiB short of its payload's memory")) }
    }

    /// What the payload can learn of its machine. Returns where that can be asked for over HTTP.
    private func tell(_ context: GuestContext) throws -> Descriptor {
        documents = Documents(payload: context.user.uid)
        payloadStart = UInt64(max(0, Host.realtime.seconds))
        try documents.put(context.documents, start: payloadStart)
        return try FeatureServer.listen()
    }

    /// Once the payload runs, which need not wait for it. Where nobody serves them, the files are still there.
    private func serve(_ listener: Descriptor) throws {
        do { try FeatureServer.start(listener, as: documents.owner) } catch { try channel.send(.log("\(error)")) }
    }

    // MARK: The payload's streams

    private func read(_ output: (stream: GuestMessage.Stream, descriptor: Descriptor)) throws {
        do {
            guard let bytes = try output.descriptor.read(upTo: GuestLink.chunk) else { return }
            if !bytes.isEmpty { return try channel.send(.output(output.stream, bytes)) }
        } catch let error as SystemError where error.code == EIO && payload?.terminal != nil {
            // A terminal's way to say that its last process has gone (pty(7)).
        }
        payload?.outputs.removeAll { $0.descriptor === output.descriptor }
    }

    private func passInput() throws {
        guard let input = payload?.input else { return }
        var passed = 0
        do {
            while !pendingInput.isEmpty {
                let went = try input.writeSome(pendingInput[...])
                if went == 0 { break }
                pendingInput.removeFirst(went)
                passed += went
            }
        } catch let error as SystemError where error.code == EPIPE || error.code == EIO {
            passed += pendingInput.count
            pendingInput = []
            payload?.input = nil
        }
        if passed > 0 { try channel.send(.inputTaken(bytes: UInt32(passed))) }
        if inputEnds && pendingInput.isEmpty { try closeInput() }
    }

    private func closeInput() throws {
        inputEnds = false
        // On a terminal the end of input is a character, and the terminal goes on.
        if let terminal = payload?.terminal { _ = try terminal.writeSome([4]) } else { payload?.input = nil }
    }

    // MARK: The end

    private func reap() {
        while let (pid, ended) = Boot.reapAny() {
            guard pid == payload?.pid else { continue }
            switch ended {
            case .exited(let code): status = .exited(code)
            case .signalled(let number): status = .signalled(UInt8(truncatingIfNeeded: number))
            }
            // The job is its command: what that left behind ends with it, and with it the last writers of its pipes.
            Boot.killEverything()
        }
    }

    private func finishIfDone() throws {
        guard let status, let context, let group, payload?.outputs.isEmpty == true else { return }
        payload = nil
        var end = GuestMessage.PayloadEnd(status: status)
        try group.measure(into: &end)
        usage?.lookAtScratch()
        usage?.write(to: &end)
        lookAtScratch()
        end.scratchWasFull = scratchWasFull
        if wasHopeless { end.outOfMemoryKills += 1 }
        if let stage = context.staging, !stage.outputs.isEmpty {
            try channel.send(.staging)
            end.stagingFailure = try staging.takeOut(stage.outputs, for: context) { try channel.send(.heartbeat) }
        }
        self.status = nil
        try channel.send(.ended(end))
    }

    private func beat() throws {
        guard let context, ContinuousClock.now >= nextHeartbeat else {
            if context == nil { nextHeartbeat = ContinuousClock.now.advanced(by: .seconds(1)) }
            return
        }
        lookAtScratch()
        try lookAtMemory()
        nextHeartbeat = ContinuousClock.now.advanced(by: .seconds(Int64(max(1, context.heartbeatSeconds))))
        try channel.send(.heartbeat)
    }

    private func look() throws {
        guard payload != nil, let group, let context, ContinuousClock.now >= nextLook else { return }
        nextLook = ContinuousClock.now.advanced(by: PayloadUsage.interval)
        try usage?.look(at: group)
        guard status == nil, let usage,
            try usage.isTooMuch(group, memory: context.memoryLimitBytes, swap: context.swapLimitBytes)
        else { return }
        try channel.send(.log("the payload holds more memory than it asked for"))
        wasHopeless = true
        Boot.killEverything()
    }

    private func lookAtMemory() throws {
        guard payload != nil, status == nil, let group, try thrashing.isHopeless(group) else { return }
        try channel.send(.log("the payload leaves its own files no room in memory"))
        wasHopeless = true
        Boot.killEverything()
    }

    /// Full is: no room for the next mebibyte.
    private func lookAtScratch() {
        if let free = try? Files.freeSpace("/"), free < 1 << 20 { scratchWasFull = true }
    }
}
