import ArgumentParser
import GridModel
import ImageStore
import Linux
import Machine

/// The records of a home, oldest first.
struct JobHistory {
    private let machines: String

    init(_ home: Home) { machines = home.machines }

    /// A number from 1 on.
    static func count(_ text: String) throws -> Int {
        guard let count = Int(text), count >= 1 else {
            throw ValidationError("'\(text)' is no number of jobs: expected one from 1 on")
        }
        return count
    }

    func records(last: Int?) throws -> [MachineRecord] {
        let ended = try MachineDirectory.all(in: machines).filter(\.hasRecord)
        return ended.suffix(last ?? ended.count).compactMap { directory in
            do { return try MachineRecord.read(directory.record) } catch {
                // It may have been removed a moment ago; one that is damaged hides no other.
                if Files.exists(directory.record) { Report.line("sojourn: left out: \(error)") }
                return nil
            }
        }
    }

    func record(_ id: MachineID?) throws -> MachineRecord {
        try MachineRecord.read(try MachineDirectory.find(id, in: machines).record)
    }

    /// Of the last jobs those that ran what the newest ran.
    func alike(last: Int) throws -> [MachineRecord] {
        let records = try records(last: last)
        guard let newest = records.last else {
            throw MachineError(.notFound, "nothing has run in this home yet; 'sojourn run --help' says how")
        }
        return records.filter { $0.environment == newest.environment && $0.command.first == newest.command.first }
    }
}
