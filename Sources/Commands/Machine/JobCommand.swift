import ArgumentParser
import GridModel
import ImageStore
import Linux
import Machine
import Policy
import StrictJSON

/// What ran in machines of this home: the same records as the machines', seen by what a job asked for and used.
struct JobsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List what ran here, with what it asked for and used.")

    @OptionGroup var home: HomeOptions
    @Option(name: .long, help: "The last N only.", transform: JobHistory.count) var last: Int?
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
