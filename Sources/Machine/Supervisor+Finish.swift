import Archive
import Control
import GridModel
import GuestProtocol
import ImageFormat
import ImageStore
import Linux
import Policy

extension Supervisor {
    /// Stops what is left, brings back outputs, writes the record, and tells the clients.
    func finish(_ outcome: Outcome) throws {
        var notes: [String] = []
        var outputs: [String] = []
        var outcome = outcome
        var isIncomplete = false
        var arrival: MachineRecord.Arrival?
        let shortage = hostMemoryShortage()
        note("stop", &notes) { try parts.stop { meter.sample(now: .now) } }
        if let serving = parts.serving { arrival = take(serving, &outcome, &notes) }
        note("cgroup", &notes) { try parts.cgroup?.remove() }
        note("spool", &notes) { try synchroniseSpool() }
        note("console", &notes) { try finishConsole() }
        if let staging = specification.staging, !staging.outputs.isEmpty, end != nil {
            do {
                let brought = try HostStaging.unpack(directory.stageOut, to: staging, owner: specification.user)
                outputs = Self.bounded(brought.files.map(\.path), 1000)
                notes += Self.bounded(brought.refusals.map { "output \($0.path) was refused: \($0.reason)" }, 100)
                isIncomplete = !brought.refusals.isEmpty
                phases.mark("outputs")
            } catch let error as ArchiveError where error.isNoSpace {
                outcome = .failure(.hostDiskFull, "the outputs do not fit the host's disk: \(error)")
            } catch {
                notes.append("the outputs could not be read: \(error)")
                isIncomplete = true
            }
        }
        notes += hostNotes(shortage)
        if outcome.kind == .qemuFailed, let last = lastLine(of: directory.qemuLog) {
            notes.append("QEMU said: \(last)")
        }
        if let failure = end?.stagingFailure, !failure.isEmpty {
            notes.append("outputs: \(Self.printable(failure))")
            isIncomplete = true
        }
        if isIncomplete && outcome.exitStatus == 0 {
            outcome = .failure(.outputsMissing, "the command returned 0, but not all of its outputs came back")
        }
        var record = MachineRecord(specification, outcome: outcome, ended: Timestamp(seconds: Host.realtime.seconds))
        record.kernelRelease = kernelRelease
        record.phases = [.init(name: "image", milliseconds: specification.imageMilliseconds)] + phases.phases
        record.notes = notes
        record.acceptance = parts.decisions.map(\.brief)
        record.outputs = outputs
        record.arrival = arrival
        record.hostUsage = meter.isFollowing ? meter.usage : nil
        record.enforcement = MachineRecord.Enforcement.all(of: specification, cgroup: parts.cgroup?.held ?? [])
        record.usage = end.map { MachineRecord.Usage($0, of: specification) }
        do {
            try directory.write(record)
        } catch let error as SystemError where error.isNoSpace {
            try RecordReserve.release(directory)
            try directory.write(record)
        }
        try directory.removeVolatile()
        sayFarewell()
    }

    /// What was fetched for the image. Whatever the payload returned, it did not have the image that was promised where a
    /// block of it could not be served.
    private func take(
        _ serving: ImageServing, _ outcome: inout Outcome, _ notes: inout [String]
    ) -> MachineRecord.Arrival? {
        let report = serving.report
        notes += report.faults
        if let failure = serving.failure, outcome.kind != .imageUnavailable {
            outcome = .failure(.imageUnavailable, "\(failure)")
        }
        if specification.isCheck == true {
            note("boot trace", &notes) { try Files.write(try serving.trace.encoded(), to: directory.bootTrace) }
        }
        return report.total == 0 ? nil : MachineRecord.Arrival(report)
    }

    /// What a person should know of how the host treated the machine.
    private func hostNotes(_ shortage: Cgroup.MemoryShortage?) -> [String] {
        var notes: [String] = []
        if specification.isCheck == true {
            notes.append("a check of the factory: the site's rules were asked about the kernel only")
        }
        if specification.network == .outgoing {
            notes.append(
                "network outgoing: its connections left from this host's address, neither restricted nor traced")
        }
        switch shortage {
        case .ownLimit:
            notes.append(
                "the kernel ended QEMU or a virtiofsd, which took more of the host's memory than their cgroup has")
        case .above:
            notes.append("the kernel ended QEMU or a virtiofsd: the host, or a cgroup above theirs, ran out of memory")
        case nil: break
        }
        return notes
    }

    /// A record stays readable whatever a guest returns.
    private static func bounded(_ lines: [String], _ most: Int) -> [String] {
        lines.count <= most ? lines : lines.prefix(most) + ["… and \(lines.count - most) more"]
    }

    /// A guest's words, fit for a terminal.
    static func printable(_ text: String) -> String {
        String(text.prefix(1000).filter { !$0.unicodeScalars.contains { $0.properties.generalCategory == .control } })
    }

    private func lastLine(of log: String) -> String? {
        guard let bytes = try? Files.read(log, limit: 1 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").last.map { String($0.prefix(500)) }
    }

    private func note(_ what: String, _ notes: inout [String], _ body: () throws -> Void) {
        do { try body() } catch { notes.append("\(what): \(error)") }
    }

    /// Lets the clients read the last status; who does not within a moment reads the record later.
    private func sayFarewell() {
        status.phase = .over
        status.isOver = true
        let deadline = ContinuousClock.now.advanced(by: .seconds(2))
        tellClients()
        while clients.contains(where: { $0.isBehind(status) }), ContinuousClock.now < deadline {
            do {
                _ = try Poll.wait(clients.map { ($0.socket.raw, .writable) }, until: deadline)
            } catch {
                return
            }
            tellClients()
        }
    }
}

/// Room on the disk for the record, taken before it is needed: a full disk must not cost the account of what happened.
enum RecordReserve {
    private static let bytes = 256 << 10

    static func make(_ directory: MachineDirectory) throws {
        try Files.write([UInt8](repeating: 0, count: bytes), to: directory.reserve, mode: 0o600)
    }

    static func release(_ directory: MachineDirectory) throws { try Files.remove(directory.reserve) }
}
