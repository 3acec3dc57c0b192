package import GridModel
package import Linux
import StrictJSON

/// One machine's directory: everything that is durable about it, and nothing that is needed of it elsewhere.
package struct MachineDirectory: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var specification: String { "\(path)/spec.json" }
    package var record: String { "\(path)/record.json" }
    package var standardOutput: String { "\(path)/stdout" }
    package var standardError: String { "\(path)/stderr" }
    package var consoleLog: String { "\(path)/console.log" }
    package var qemuLog: String { "\(path)/qemu.log" }
    package var supervisorLog: String { "\(path)/supervisor.log" }
    package var socket: String { "\(path)/socket" }
    /// Of a check machine: what it read of its image.
    package var bootTrace: String { "\(path)/boot-trace.json" }
    package var scratch: String { "\(path)/scratch.img" }
    package var swap: String { "\(path)/swap.img" }
    package var stageIn: String { "\(path)/stage-in.tar" }
    package var stageOut: String { "\(path)/stage-out.tar" }
    /// The directories of its cgroup on the host, as a JSON list; while they may exist.
    package var cgroups: String { "\(path)/cgroups.json" }
    /// Room on the disk for the record.
    package var reserve: String { "\(path)/reserve" }
    /// Holds a single file that is shared.
    package func share(_ index: Int) -> String { "\(path)/share-\(index)" }
    /// Held by the supervisor as long as it lives.
    package var lock: String { "\(path)/lock" }

    /// Makes the directory of a new machine below `machines` and takes its lock, which the supervisor will inherit: nobody
    /// ever sees a directory that is complete and unlocked unless its supervisor is dead.
    package static func create(
        _ specification: MachineSpecification, in machines: String
    ) throws -> (directory: MachineDirectory, lock: FileLock) {
        let directory = MachineDirectory("\(machines)/\(specification.id)")
        let draft = MachineDirectory("\(machines)/\(draftPrefix)\(specification.id)")
        try Files.makeDirectories(draft.path, mode: 0o700)
        guard let lock = try FileLock.take(draft.lock) else {
            throw MachineError(.invalidSpecification, "machine \(specification.id) exists already")
        }
        try Files.write(try StrictJSON.encode(specification, pretty: true), to: draft.specification, mode: 0o600)
        try Files.rename(draft.path, to: directory.path)
        return (directory, lock)
    }

    package var hasRecord: Bool { Files.exists(record) }

    package func write(_ record: MachineRecord) throws {
        try Files.write(try StrictJSON.encode(record, pretty: true), to: self.record, mode: 0o600)
    }

    /// Removes what only a running machine needs; record, specification, output and logs stay.
    package func removeVolatile() throws {
        for file in [socket, scratch, swap, stageIn, stageOut, reserve, cgroups] { try Files.remove(file) }
        for name in try Files.list(path)
        where name.hasSuffix(".tmp") || name.hasPrefix("share-") && !name.hasSuffix(".log") {
            try Files.removeTree("\(path)/\(name)")
        }
    }

    /// Finishes machines whose supervisor was killed: writes their record, removes what they left. Each lock is taken, so
    /// that two sweeps and a living supervisor cannot meet. `now` dates the records.
    ///
    /// What cannot be finished is told to `report` and left: it must not stand in the way of other machines.
    package static func sweep(_ machines: String, now: Timestamp, report: (String) -> Void) throws {
        guard Files.isDirectory(machines) else { return }
        for name in try Files.list(machines) {
            if name.hasPrefix(draftPrefix) {
                try sweepDraft("\(machines)/\(name)", now: now)
                continue
            }
            guard let id = try? MachineID(parsing: name) else { continue }
            let directory = MachineDirectory("\(machines)/\(id)")
            do {
                guard directory.isUnfinished, let lock = try FileLock.take(directory.lock) else { continue }
                try withExtendedLifetime(lock) { try directory.finishAbandoned(now: now) }
            } catch {
                report("machine \(id), which was killed, cannot be finished: \(error)")
            }
        }
    }

    private static let draftPrefix = ".new-"

    /// A directory that was never completed: its maker was killed, unless it is at it right now, which takes no minute.
    private static func sweepDraft(_ path: String, now: Timestamp) throws {
        if let changed = Files.changed(path), now.seconds - changed > 60 { try Files.removeTree(path) }
    }

    private var isUnfinished: Bool {
        Files.exists(lock)
            && (!hasRecord
                || [scratch, swap, socket, stageIn, stageOut, reserve, cgroups].contains(where: Files.exists))
    }

    /// The record of a machine whose supervisor is dead, and how it died where that is known; the caller holds the lock.
    package func finishAbandoned(now: Timestamp, because status: ExitStatus? = nil) throws {
        // Killed while it was being made: nobody was told of it.
        guard Files.exists(specification) else { return try Files.removeTree(path) }
        if !hasRecord {
            var message = "the machine's supervisor was killed, and the machine with it"
            if case .exited = status {
                let log = Files.exists(supervisorLog) ? try Files.read(supervisorLog, limit: 1 << 20) : []
                message = "the machine's supervisor failed: \(String(decoding: log.suffix(1000), as: UTF8.self))"
            }
            try RecordReserve.release(self)
            let outcome = Outcome.failure(.supervisorKilled, message)
            try write(MachineRecord(try MachineSpecification.read(specification), outcome: outcome, ended: now))
        }
        try MachineCgroup.removeAbandoned(self)
        try removeVolatile()
    }
}

extension MachineDirectory {
    /// All machines below `machines`, oldest first.
    package static func all(in machines: String) throws -> [MachineDirectory] {
        guard Files.isDirectory(machines) else { return [] }
        return try Files.list(machines).filter { (try? MachineID(parsing: $0)) != nil }
            .map { MachineDirectory("\(machines)/\($0)") }
    }

    /// The machine of that name, or the last one; it must have ended.
    package static func find(_ id: MachineID?, in machines: String) throws -> MachineDirectory {
        let known = try all(in: machines)
        guard let found = known.last(where: { id == nil ? $0.hasRecord : Files.name(of: $0.path) == id?.text }) else {
            throw MachineError(
                .notFound, "there is no machine \(id?.text ?? "") in \(machines); 'sojourn machine list' names all")
        }
        guard found.hasRecord else {
            throw MachineError(.notFound, "machine \(id?.text ?? "") still runs; its output is in \(found.path)")
        }
        return found
    }
}
