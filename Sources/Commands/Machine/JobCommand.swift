import ArgumentParser
import GridModel
import ImageStore
import Machine
import Policy
import StrictJSON
import System

/// What ran in machines of this home: the same records as the machines', seen by what a job asked for and used.
struct JobsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List what ran here, with what it asked for and used.")

    @OptionGroup var home: HomeOptions
    @Option(name: .long, help: "The last N only.") var last: Int?
    @Flag(name: .long, help: "As JSON: the records, oldest first.") var json = false

    func run() throws {
        let records = try JobHistory(try home.open()).records(last: last)
        if json { return try Report.data(try StrictJSON.encode(records, pretty: true)) }
        Output.table(
            ["JOB", "ENDED", "STATUS", "CORES", "MEMORY", "WALL", "COMMAND"],
            records.map { record in
                let used = AskedAndUsed(record)?.resources
                return [
                    record.id.text, record.outcome.kind.rawValue, "\(record.outcome.exitStatus)",
                    "\(record.cores)\(used.map { " / \(($0.busyCores * 10).rounded() / 10)" } ?? "")",
                    "\(record.memory)\(used.map { " / \($0.peakMemory.rounded)" } ?? "")",
                    "\(record.wall?.description ?? "-")\(used.map { " / \(Int($0.elapsed.rounded()))s" } ?? "")",
                    String(record.command.joined(separator: " ").prefix(60)),
                ]
            })
    }
}

struct JobCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Look at one job.", subcommands: [JobShow.self])
}

struct JobShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what a job asked for, was given and used, and how it was held to that.")

    @OptionGroup var home: HomeOptions
    @Argument(
        help: "The job's name, which is its machine's; the last one's where none is given.",
        transform: MachineID.init(parsing:))
    var id: MachineID?
    @Flag(name: .long, help: "As JSON: the record.") var json = false

    func run() throws {
        let record = try JobHistory(try home.open()).record(id)
        if json { return try Report.data(try StrictJSON.encode(record, pretty: true)) }
        print(RunAccount.text(record))
    }
}

struct AdviseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advise", abstract: "Say what to ask for next time, and why, from what jobs used.",
        discussion: """
            For one job, or, with --last, for those of the last N that ran the same command in the same environment as the \
            newest of them.
            """)

    @OptionGroup var home: HomeOptions
    @Argument(help: "The job's name; the last one's where none is given.", transform: MachineID.init(parsing:))
    var id: MachineID?
    @Option(name: .long, help: "How many of the last jobs to look at.") var last: Int?
    @Flag(name: .long, help: "As JSON.") var json = false

    struct Answer: Encodable {
        var version = 1
        let jobs: [MachineID]
        let environment: Environment
        let advice: [Advice]
    }

    func validate() throws {
        if id != nil && last != nil { throw ValidationError("name one job, or say --last N") }
        if let last, last < 1 { throw ValidationError("--last \(last): expected a number from 1 on") }
    }

    func run() throws {
        let history = JobHistory(try home.open())
        let records = try last.map { try history.alike(last: $0) } ?? [try history.record(id)]
        let runs = records.compactMap { record in AskedAndUsed(record).map { (record, $0.resources) } }
        guard let newest = runs.last?.0 else {
            throw MachineError(
                .notFound,
                "nothing is known of what \(id?.text ?? "that job") used: no payload of it ended; run it again")
        }
        let answer = Answer(
            jobs: runs.map(\.0.id), environment: newest.environment, advice: Advice.from(runs.map(\.1)))
        if json { return try Report.data(try StrictJSON.encode(answer, pretty: true)) }
        print(
            "\(runs.count == 1 ? newest.id.text : "\(runs.count) jobs"): \(newest.command.joined(separator: " ").prefix(100))"
        )
        Output.table(
            ["FIELD", "ASKED", "USED", "ASK", "WHY"],
            answer.advice.map { [$0.field, $0.asked, $0.used, $0.suggested, $0.reason] })
        let flags = answer.advice.map { "--\($0.field) \($0.suggested)" }.joined(separator: " ")
        print("\nnext time: sojourn run \(flags) …")
    }
}

/// The records of a home, oldest first.
struct JobHistory {
    private let machines: String

    init(_ home: Home) { machines = home.machines }

    func records(last: Int?) throws -> [MachineRecord] {
        let ended = try MachineDirectory.all(in: machines).filter(\.hasRecord)
        return try ended.suffix(last ?? ended.count).compactMap { directory in
            // Removed a moment ago.
            Files.exists(directory.record) ? try MachineRecord.read(directory.record) : nil
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
