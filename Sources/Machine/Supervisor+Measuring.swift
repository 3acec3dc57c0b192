import Control
import GridModel
import Linux
import QEMU

/// What a machine uses, seen from outside.
extension Supervisor {
    /// Ends a phase with what was used in it.
    func mark(_ phase: String) {
        awaitDisks()
        meter.sample(now: .now)
        phases.mark(phase, host: meter.endPhase())
    }

    /// A phase is short beside the moment that QEMU takes to answer; one that does not answer is not waited for.
    private func awaitDisks() {
        do {
            try parts.monitor?.awaitBlockStatistics(until: .now.advanced(by: .milliseconds(300)))
        } catch {
            // QEMU is going, which its process descriptor tells; the last answer stands.
        }
        do { try takeMonitorEvents() } catch { receive(.protocolFault("\(error)")) }
    }

    /// Samples where it is time to, and holds the payload to its processor time.
    func measure() throws {
        guard parts.qemu != nil, ContinuousClock.now >= meter.nextSample else { return }
        meter.sample(now: .now)
        do {
            try parts.monitor?.queryBlockStatistics()
        } catch let error as SystemError where error.isBrokenPipe {
            return
        }
        if control.phase == .running { receive(.spent(meter.payloadTime)) }
    }

    /// Asked while the cgroup still exists.
    func hostMemoryShortage() -> Cgroup.MemoryShortage? {
        do { return try parts.cgroup?.memoryShortage() } catch { return nil }
    }

    /// How much of `bytes` the payload may still print; told once where that is not all.
    func withinOutputLimit(_ bytes: [UInt8]) -> [UInt8] {
        guard let limit = specification.outputLimit else { return bytes }
        let room = max(0, limit.bytes - status.standardOutput - status.standardError)
        if Int64(bytes.count) <= room { return bytes }
        receive(.outputOverflowed)
        return Array(bytes.prefix(Int(room)))
    }
}
