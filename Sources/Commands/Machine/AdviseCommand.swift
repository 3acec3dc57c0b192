import ArgumentParser
import GridModel
import ImageStore
import Linux
import Machine
import Policy
import StrictJSON

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
    @Option(name: .long, help: "How many of the last jobs to look at.", transform: JobHistory.count) var last: Int?
    @Flag(name: .long, help: "As JSON.") var json = false

    struct Answer: Encodable {
        var version = 1
        let jobs: [MachineID]
        let environment: Environment
        let advice: [Advice]
    }

    func validate() throws {
        if id != nil && last != nil { throw ValidationError("name one job, or say --last N") }
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
        let network = newest.network == .outgoing ? " --network outgoing" : ""
        let command = newest.command.joined(separator: " ").prefix(200)
        print("\nnext time: sojourn run --env \(newest.environment) \(flags)\(network) -- \(command)".escapingControls)
    }
}
