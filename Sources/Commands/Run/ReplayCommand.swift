import ArgumentParser
import Glibc
import GridModel
import ImageStore
import Linux
import Machine
import QEMU
import StrictJSON

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract:
            "Run a job once more: the same image and kernel by digest, the same command, inputs compared by digest.",
        discussion: """
            JOB is a job of this home, or a file with its record (from 'sojourn run --record FILE' or 'sojourn job show \
            --json') that came from elsewhere. Of such a record only the current directory is shared, or of an isolated job the \
            files that it names; it tells no variables, and a network must be allowed. What has changed is said; changed inputs \
            are refused without --anyway. Returns what the command returns.
            """)

    @OptionGroup var home: HomeOptions

    @Argument(help: "The job's name, or a file with its record.", completion: .file(extensions: ["json"]))
    var job: String

    @Option(name: .long, help: "Other cores than it had.", transform: CoreRange.init(parsing:)) var cores: CoreRange?
    @Option(name: .long, help: "Another memory than it had.", transform: ByteRange.init(parsing:)) var memory:
        ByteRange?
    @Option(name: .long, help: "Another wall time than it had.", transform: WallTime.init(parsing:)) var wall: WallTime?
    @Option(
        name: .long, help: "none, or outgoing (default: as it had it; of a file, it must be said).",
        transform: NetworkProfile.init(parsing:))
    var network: NetworkProfile?
    @Flag(name: .long, help: "Run it though inputs have changed or are gone.") var anyway = false
    @Flag(name: .long, help: "Print the record of the run as the last line of standard error, as JSON.") var json =
        false
    @Option(name: .long, help: "Write the record of the run to a file, as JSON.", completion: .file()) var record:
        String?

    func run() throws {
        let home = try self.home.open()
        let (old, specification) = try find(home)
        var options = try MachineOptions.parse(old.isolated ? ["--isolated"] : [])
        (options.home, options.json, options.record) = (self.home, json, record)
        options.requirement.take(old)
        options.requirement.cores = cores ?? options.requirement.cores
        options.requirement.memory = memory ?? options.requirement.memory
        options.requirement.wall = wall ?? options.requirement.wall
        options.requirement.network = network ?? old.network
        options.cleanenv = true
        if let specification {
            try returnTo(old.directory, unless: old.isolated)
            options.setenv = specification.payload.environment.filter { !$0.hasPrefix("SOJOURN_") }
            options.bind = specification.shares.dropFirst().map(\.asOption)
            (options.inputs, options.outputs) = (
                specification.staging?.inputs ?? [], specification.staging?.outputs ?? []
            )
        } else if old.isolated {
            // Of somebody else's record nothing but the files that it names.
            options.inputs = try (old.inputs ?? [:]).keys.sorted().map(Self.plainName)
            options.outputs = try old.outputs.map(Self.plainName)
        }
        try sayWhatChanged(old, specification)
        var session = MachineSession(options: options, command: old.command, wantsTerminal: nil)
        session.pinned = (old.image, old.kernel)
        let new = try session.run()
        for change in Self.differences(old, new) { Report.line("sojourn: changed: \(change)") }
        throw ExitCode(Int32(new.outcome.exitStatus))
    }

    /// Of a job of this home its specification too.
    private func find(_ home: Home) throws -> (MachineRecord, MachineSpecification?) {
        guard let id = try? MachineID(parsing: job) else {
            guard Files.exists(job) else {
                throw MachineError(.notFound, "'\(job)' is no job and no file with a record; 'sojourn jobs' names jobs")
            }
            let record = try MachineRecord.read(job)
            guard record.network != .outgoing || network == .outgoing else {
                throw MachineError(
                    .invalidSpecification,
                    "the job of \(job) had the network profile outgoing; allow it with --network outgoing, or forbid it with "
                        + "--network none")
            }
            return (record, nil)
        }
        let directory = try MachineDirectory.find(id, in: home.machines)
        let specification = try MachineSpecification.read(directory.specification)
        return (try MachineRecord.read(directory.record), specification)
    }

    private func returnTo(_ directory: String, unless isIsolated: Bool) throws {
        guard !isIsolated else { return }
        guard chdir(directory) == 0 else {
            throw MachineError(.invalidShare, "the job ran in \(directory), which is not there any more; bring it back")
        }
    }

    private static func plainName(_ name: String) throws -> String {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
            throw MachineError(.invalidShare, "the record names '\(name)', which is no file in the current directory")
        }
        return name
    }

    private func sayWhatChanged(_ old: MachineRecord, _ specification: MachineSpecification?) throws {
        var changes: [String] = []
        if old.host != Host.name { changes.append("host \(old.host) -> \(Host.name)") }
        if specification == nil {
            changes.append("a record tells no variables: only the image's are set")
            if !old.isolated {
                changes.append(
                    "directory \(old.directory) -> \(Files.canonical(".") ?? "."), the only one that is shared")
            }
        }
        if old.inputs == nil { changes.append("the digests of its inputs are not known") }
        let inputs = try RunInputs.changes(since: old.inputs ?? [:])
        for change in changes + inputs { Report.line("sojourn: changed: \(change)") }
        if changes.isEmpty && inputs.isEmpty {
            let count = old.inputs?.count ?? 0
            let inputs =
                count == 0
                ? "; its command names no files that could be compared" : ", and \(count) input\(count == 1 ? "" : "s")"
            Report.line("sojourn: the same image, kernel and command\(inputs)")
        }
        guard inputs.isEmpty || anyway else {
            throw MachineError(
                .invalidSpecification,
                "\(inputs.count) of the job's inputs are not what they were; bring them back, or say --anyway")
        }
    }

    /// Of what the host chose.
    private static func differences(_ old: MachineRecord, _ new: MachineRecord) -> [String] {
        let pairs = [
            ("accelerator", old.accelerator.rawValue, new.accelerator.rawValue),
            ("processor", old.hosting?.processor ?? "-", new.hosting?.processor ?? "-"),
            ("cores", "\(old.cores)", "\(new.cores)"), ("memory", "\(old.memory)", "\(new.memory)"),
            ("outcome", old.outcome.kind.rawValue, new.outcome.kind.rawValue),
            ("exit status", "\(old.outcome.exitStatus)", "\(new.outcome.exitStatus)"),
        ]
        return pairs.filter { $1 != $2 }.map { "\($0) \($1) -> \($2)" }
    }
}

extension MachineRecord {
    fileprivate var isolated: Bool { shares.isEmpty }
}

extension MachineSpecification.Share {
    /// As `--bind` takes it.
    fileprivate var asOption: String { "\(source):\(destination)\(readOnly ? ":ro" : "")" }
}

extension RequirementOptions {
    /// What the job got, as a wish.
    fileprivate mutating func take(_ old: MachineRecord) {
        env = old.environment
        architecture = old.requested.architecture
        cores = CoreRange(old.cores, old.cores)
        memory = ByteRange(old.memory)
        scratch = ByteRange(min(.gibibytes(1), old.scratch), old.scratch)
        (swap, wall, cpu, outLimit) = (old.swap, old.wall, old.cpu, old.outputLimit)
    }
}
