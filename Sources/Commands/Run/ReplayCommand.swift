import ArgumentParser
import Glibc
import GridModel
import ImageStore
import Machine
import StrictJSON
import System

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract:
            "Run a job once more: the same image and kernel by digest, the same command, inputs compared by digest.",
        discussion: """
            JOB is a job of this home, or a file with its record (from 'sojourn run --record FILE' or 'sojourn job show \
            --json') that came from elsewhere. A record tells no variables: those of another home's job are the image's own. \
            What has changed since is said first; changed inputs are refused without --anyway. Returns what the command returns.
            """)

    @OptionGroup var home: HomeOptions

    @Argument(help: "The job's name, or a file with its record.", completion: .file(extensions: ["json"]))
    var job: String

    @Option(name: .long, help: "Other cores than it had.", transform: CoreRange.init(parsing:)) var cores: CoreRange?
    @Option(name: .long, help: "Another memory than it had.", transform: ByteRange.init(parsing:)) var memory:
        ByteRange?
    @Option(name: .long, help: "Another wall time than it had.", transform: WallTime.init(parsing:)) var wall: WallTime?
    @Flag(name: .long, help: "Run it though inputs have changed or are gone.") var anyway = false
    @Flag(name: .long, help: "Print the record of the run as the last line of standard error, as JSON.") var json =
        false
    @Option(name: .long, help: "Write the record of the run to a file, as JSON.", completion: .file()) var record:
        String?

    func run() throws {
        let home = try self.home.open()
        let (old, specification) = try find(home)
        enterDirectory(old)
        var options = try MachineOptions.parse(old.isolated ? ["--isolated"] : [])
        (options.home, options.json, options.record) = (self.home, json, record)
        options.requirement.gotten(from: old)
        options.requirement.cores = cores ?? options.requirement.cores
        options.requirement.memory = memory ?? options.requirement.memory
        options.requirement.wall = wall ?? options.requirement.wall
        options.cleanenv = true
        options.setenv = (specification?.payload.environment ?? []).filter {
            !$0.hasPrefix("SOJOURN_") && !$0.hasPrefix("PATH=")
        }
        if let staging = specification?.staging {
            (options.inputs, options.outputs) = (staging.inputs, staging.outputs)
        } else if old.isolated {
            options.inputs = Set((old.inputs ?? [:]).keys.map { String($0.prefix { $0 != "/" }) }).sorted()
        }
        try sayWhatChanged(old, specification)
        var session = MachineSession(options: options, command: old.command, wantsTerminal: nil)
        session.pinned = (old.image, old.kernel)
        throw ExitCode(Int32(try session.run()))
    }

    /// Of a job of this home its specification too.
    private func find(_ home: Home) throws -> (MachineRecord, MachineSpecification?) {
        guard let id = try? MachineID(parsing: job) else {
            guard Files.exists(job) else {
                throw MachineError(.notFound, "'\(job)' is no job and no file with a record; 'sojourn jobs' names jobs")
            }
            return (try MachineRecord.read(job), nil)
        }
        let directory = try MachineDirectory.find(id, in: home.machines)
        return (try MachineRecord.read(directory.record), try MachineSpecification.read(directory.specification))
    }

    /// Where it ran if that is here; else its inputs are looked for where we are.
    private func enterDirectory(_ old: MachineRecord) {
        guard !old.isolated, Files.isDirectory(old.directory), chdir(old.directory) == 0 else { return }
        Report.line("sojourn: in \(old.directory)")
    }

    private func sayWhatChanged(_ old: MachineRecord, _ specification: MachineSpecification?) throws {
        var changes: [String] = []
        if old.host != Host.name { changes.append("host \(old.host) -> \(Host.name)") }
        if specification == nil { changes.append("the record tells no variables: only the image's are set") }
        if !old.isolated && !Files.isDirectory(old.directory) {
            changes.append("directory \(old.directory) -> \(Files.canonical(".") ?? ".")")
        }
        let inputs = try RunInputs.changes(since: old.inputs ?? [:])
        for change in changes + inputs { Report.line("sojourn: changed: \(change)") }
        if changes.isEmpty && inputs.isEmpty {
            Report.line(
                "sojourn: nothing has changed: image, kernel, command and \(old.inputs?.count ?? 0) inputs are the same"
            )
        }
        guard inputs.isEmpty || anyway else {
            throw MachineError(
                .invalidSpecification,
                "\(inputs.count) of the job's inputs are not what they were; bring them back, or say --anyway")
        }
    }
}

extension MachineRecord {
    fileprivate var isolated: Bool { shares.isEmpty }
}

extension RequirementOptions {
    /// What the job got, as a wish.
    fileprivate mutating func gotten(from old: MachineRecord) {
        env = old.environment
        cores = CoreRange(old.cores, old.cores)
        memory = ByteRange(old.memory)
        scratch = ByteRange(min(.gibibytes(1), old.scratch), old.scratch)
        (swap, wall, cpu, network, outLimit) = (old.swap, old.wall, old.cpu, old.network, old.outputLimit)
    }
}
