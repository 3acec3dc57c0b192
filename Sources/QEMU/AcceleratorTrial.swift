package import GridModel
package import Linux
import StrictJSON

/// Finds out whether KVM works here, by booting a tiny guest: `/dev/kvm` may exist and no guest ever run.
///
/// The answer is kept for as long as this host is not booted anew.
package struct AcceleratorTrial: Sendable {
    /// The kernel and an initrd whose pid 1 powers off, for the trial.
    package struct Files: Sendable {
        package let kernel: Descriptor
        package let initrd: Descriptor
        /// Tells the agent that it is only tried.
        package let argument: String

        package init(kernel: Descriptor, initrd: Descriptor, argument: String) {
            self.kernel = kernel
            self.initrd = initrd
            self.argument = argument
        }
    }

    private struct Answer: Codable {
        var version: Int
        var bootID: String
        var user: UInt32
        var accelerator: Accelerator
        /// By accelerator: the one that was chosen, and others that were asked for.
        var levels: [String: ArchitectureLevel]
    }

    private static let deadline = Duration.seconds(10)
    private let memory: String

    /// `memory` is the file in which the answer is kept.
    package init(memory: String) { self.memory = memory }

    /// The accelerator to use, `wanted` if one is, and the highest level of processor that it gives here; `warn` is told
    /// once, in a sentence, if it is the slow one.
    package func choose(
        _ wanted: Accelerator? = nil, start: () throws -> Files, warn: (String) -> Void
    ) throws -> (accelerator: Accelerator, level: ArchitectureLevel) {
        let bootID = try Host.bootID()
        var answer = try remembered()
        if answer?.bootID != bootID || answer?.user != Host.effectiveUser || answer?.version != 2 { answer = nil }
        let accelerator: Accelerator
        if let known = wanted ?? answer?.accelerator {
            accelerator = known
        } else {
            let failure = try tryKVM(start)
            if let failure {
                warn("KVM does not work here (\(failure)): machines are emulated (TCG), which is many times slower")
            }
            accelerator = failure == nil ? .kvm : .tcg
        }
        if let level = answer?.levels[accelerator.rawValue] { return (accelerator, level) }
        let level = try Processor.highestLevel(accelerator, program: try QEMUPrograms.find().system)
        // What only was asked for is no answer of the trial.
        if wanted == nil || answer != nil {
            var next =
                answer
                ?? Answer(
                    version: 2, bootID: bootID, user: Host.effectiveUser, accelerator: accelerator, levels: [:])
            next.levels[accelerator.rawValue] = level
            try Linux.Files.write(try StrictJSON.encode(next, pretty: true), to: memory)
        }
        return (accelerator, level)
    }

    private func remembered() throws -> Answer? {
        guard Linux.Files.exists(memory) else { return nil }
        let bytes = try Linux.Files.read(memory, limit: 4096)
        // An answer that cannot be read is asked for again.
        return try? StrictJSON.decode(Answer.self, from: bytes, source: memory)
    }

    /// Nil where a guest ran to its end; else why not.
    private func tryKVM(_ start: () throws -> Files) throws -> String? {
        guard Linux.Files.exists("/dev/kvm") else { return "there is no /dev/kvm" }
        let files = try start()
        let (console, consoleEnd) = try Socket.pair()
        let line = QEMUCommandLine(
            name: "sojourn-trial", accelerator: .kvm, processor: "host", cores: 1, memory: .mebibytes(256),
            kernel: files.kernel,
            initrd: files.initrd, kernelArguments: [files.argument], console: consoleEnd)
        let log = try Descriptor.memory(named: "qemu-log")
        let qemu = try QEMUProcess.spawn(
            line, program: try QEMUPrograms.find().system, log: log, number: Host.processID)
        let ended = try Poll.wait(for: qemu.ended.raw, until: .now.advanced(by: Self.deadline))
        if !ended { qemu.signal(9) }
        let status = try qemu.wait()
        _ = console
        if !ended { return "a trial guest did not come up within \(Self.deadline)" }
        return status == .exited(0) ? nil : try firstLine(log) ?? "QEMU ended with \(status)"
    }

    private func firstLine(_ log: Descriptor) throws -> String? {
        let text = String(decoding: try Linux.Files.read("/proc/self/fd/\(log.raw)", limit: 1 << 16), as: UTF8.self)
        return text.split(separator: "\n").first.map { String($0.prefix(120)) }
    }
}
