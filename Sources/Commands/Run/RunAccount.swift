import GridModel
import Linux
import Machine
import QEMU

/// A run told to a person.
enum RunAccount {
    static func text(_ record: MachineRecord) -> String {
        var rows = [
            ("machine", "\(record.id) on \(record.host)"),
            ("asked", asked(record.requested)),
            (
                "given",
                "\(record.environment), cores \(record.cores), memory \(record.memory), scratch \(record.scratch), "
                    + (record.swap.map { $0.bytes > 0 ? "swap \($0), " : "" } ?? "")
                    + (record.network == .outgoing ? "network outgoing, " : "")
                    + "\(record.hosting?.architecture.description ?? "-"), \(record.accelerator.rawValue)"
            ),
            ("image", record.image.description),
            ("kernel", "\(record.kernelRelease ?? "-") (\(record.kernel.short))"),
            ("command", record.command.joined(separator: " ")),
            ("times", record.phases.map { "\($0.name) \(seconds($0.milliseconds))" }.joined(separator: ", ")),
        ]
        if let usage = record.usage {
            let cpu = usage.userMilliseconds + usage.systemMilliseconds
            rows.append(("used", "processor \(seconds(cpu)), memory at most \(usage.peakMemory.rounded)"))
        }
        if let host = record.hostUsage {
            rows.append(
                (
                    "on host",
                    "processor \(seconds(host.processorMilliseconds)), memory at most \(host.peakMemory.rounded), read "
                        + "\(ByteCount(host.readBytes).rounded), written \(ByteCount(host.writtenBytes).rounded)"
                ))
        }
        if let places = record.arrival?.places {
            let parts = places.map { "\(ByteCount($0.bytes).rounded) from \($0.place)" }
            rows.append(("fetched", parts.joined(separator: ", ")))
        }
        if let enforcement = record.enforcement {
            rows.append(("held by", enforcement.map { "\($0.limit) (\($0.by ?? "nothing"))" }.joined(separator: ", ")))
        }
        rows.append(
            ("status", "\(record.outcome.exitStatus) (\(record.outcome.kind.rawValue): \(record.outcome.message))"))
        if !record.outputs.isEmpty { rows.append(("outputs", record.outputs.joined(separator: ", "))) }
        rows += record.notes.map { ("note", $0) }
        return rows.map { name, value in name.padded(to: 9) + value }.joined(separator: "\n")
    }

    /// `lhc/pythia8:8.317.2@debian12, cores 1-2`: what was asked for, as it was written.
    static func asked(_ wishes: Requirement) -> String {
        let fields: [(String, (any CustomStringConvertible)?)] = [
            ("", wishes.wantedEnvironment), ("architecture ", wishes.architecture), ("cores ", wishes.cores),
            ("memory ", wishes.memory), ("memory per core ", wishes.memoryPerCore), ("scratch ", wishes.scratch),
            ("swap ", wishes.swap), ("wall ", wishes.wall), ("cpu ", wishes.cpu), ("network ", wishes.network),
            ("gpus ", wishes.gpus), ("output ", wishes.output),
        ]
        return fields.compactMap { name, value in value.map { "\(name)\($0)" } }.joined(separator: ", ")
    }

    /// One line of a list.
    static func line(_ directory: MachineDirectory) -> String {
        let name = Files.name(of: directory.path)
        guard directory.hasRecord else { return "\(name)  running" }
        guard let record = try? MachineRecord.read(directory.record) else {
            return "\(name)  has a record that cannot be read"
        }
        return [
            name, record.outcome.kind.rawValue.padded(to: 17), "\(record.outcome.exitStatus)".padded(to: 3),
            record.environment.description.padded(to: 30), record.command.joined(separator: " "),
        ].joined(separator: "  ")
    }

    private static func seconds(_ milliseconds: Int64) -> String { "\(Double(milliseconds / 10) / 100) s" }
}

extension String {
    /// With blanks up to `width` characters.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
