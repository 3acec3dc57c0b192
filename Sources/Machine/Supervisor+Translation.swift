import Control
import GridModel
package import GuestProtocol

extension MachineSpecification {
    var limits: MachineControl.Limits {
        var limits = MachineControl.Limits()
        limits.boot = .seconds(timings.bootSeconds)
        limits.silence = .seconds(timings.silenceSeconds)
        limits.grace = .seconds(timings.graceSeconds)
        limits.wall = wall
        limits.cpu = cpu
        limits.output = outputLimit
        if let staging {
            // A mebibyte a second at the least.
            limits.staging += .seconds(staging.outputLimit.bytes >> 20)
        }
        return limits
    }

    /// What the guest is told.
    package func context(now: (seconds: Int64, nanoseconds: Int64)) -> GuestContext {
        var context = GuestContext(
            hostname: "sojourn-\(id.text.suffix(6))",
            user: .init(
                uid: user.uid, gid: user.gid, name: user.name, home: user.home,
                groups: user.groups.map { .init(gid: $0.gid, name: $0.name) }),
            shares: shares.enumerated().map { index, share in
                .init(
                    tag: "share\(index)", file: share.isFile ? Self.lastName(share.source) : "",
                    path: share.destination,
                    readOnly: share.readOnly)
            },
            staging: staging.map { .init(hasInputs: !$0.inputs.isEmpty, outputs: $0.outputs) },
            environment: payload.environment, command: payload.command, directory: payload.directory,
            terminal: payload.terminal.map { .init(columns: $0.columns, rows: $0.rows) },
            realtimeNanoseconds: UInt64(now.seconds) * 1_000_000_000 + UInt64(now.nanoseconds),
            heartbeatSeconds: timings.heartbeatSeconds)
        context.documents = (documents ?? [:]).sorted { $0.key < $1.key }.map { .init(name: $0.key, text: $0.value) }
        context.documents += FeatureDocuments(self).documents
        // In machines of version 1 the job had what the machine had.
        context.memoryLimitBytes = hosting == nil ? 0 : UInt64(clamping: memory.bytes)
        context.swapLimitBytes = UInt64(clamping: swap?.bytes ?? 0)
        context.hasOutgoingNetwork = network == .outgoing
        return context
    }

    private static func lastName(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }
}

extension MachineControl.PayloadEnd {
    init(_ end: GuestMessage.PayloadEnd) {
        let status: UInt8
        let signal: UInt8?
        switch end.status {
        case .exited(let code): (status, signal) = (code, nil)
        case .signalled(let number): (status, signal) = (0, number)
        }
        self.init(
            status: status, signal: signal, ranOutOfMemory: end.outOfMemoryKills > 0, filledScratch: end.scratchWasFull)
    }
}

extension Outcome {
    init(_ failure: GuestMessage.Failure) {
        // A guest's words are shown to people: no control characters, no end.
        let message = Supervisor.printable(failure.message)
        switch failure.reason {
        case .commandNotFound: self.init(.commandNotFound, exitStatus: 127, message: message)
        case .notExecutable: self.init(.notExecutable, exitStatus: 126, message: message)
        case .setup: self = .failure(.guestFailed, "the guest could not be made ready: \(message)")
        }
    }
}

extension MachineRecord.Usage {
    /// A guest's figures, within what its machine had: a record can always be read again.
    init(_ end: GuestMessage.PayloadEnd, of specification: MachineSpecification) {
        func count(_ value: UInt64) -> Int64 { Int64(min(value, (1 << 53) - 1)) }
        func bytes(_ value: UInt64, within most: ByteCount?) -> ByteCount {
            ByteCount(min(count(value), max(0, most?.bytes ?? 0)))
        }
        self.init(
            userMilliseconds: count(end.userMicroseconds / 1000),
            systemMilliseconds: count(end.systemMicroseconds / 1000),
            peakMemory: bytes(end.peakMemoryBytes, within: specification.machineMemory))
        readBytes = count(end.readBytes)
        writtenBytes = count(end.writtenBytes)
        peakScratch = bytes(end.peakScratchBytes, within: specification.scratch)
        peakSwap = bytes(end.peakSwapBytes, within: specification.swap)
    }
}
