import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Linux
import Machine
import Settings
import StrictJSON

struct MachineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine", abstract: "Look at machines.",
        subcommands: [MachineList.self, MachineShow.self, MachineRemove.self, MachineRun.self])
}

struct MachineList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the machines of this home.")

    @OptionGroup var home: HomeOptions
    @Flag(name: .long, help: "As JSON: the records, oldest first.") var json = false

    func run() throws {
        let machines = try self.home.open().machines
        let all = try MachineDirectory.all(in: machines)
        if json {
            let records = try all.filter(\.hasRecord).map { try MachineRecord.read($0.record) }
            return try Report.data(try StrictJSON.encode(records, pretty: true))
        }
        for directory in all { print(RunAccount.line(directory)) }
    }
}

struct MachineShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what is known of a machine that has ended.")

    @OptionGroup var home: HomeOptions
    @Argument(help: "The machine's name, or the last one's where none is given.", transform: MachineID.init(parsing:))
    var id: MachineID?
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let machines = try home.open().machines
        let record = try MachineRecord.read(try MachineDirectory.find(id, in: machines).record)
        if json { return try Report.data(try StrictJSON.encode(record, pretty: true)) }
        print(RunAccount.text(record))
    }
}

struct MachineRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove what is kept of machines that have ended: records, output, logs.")

    @OptionGroup var home: HomeOptions
    @Argument(help: "The machines' names.", transform: MachineID.init(parsing:)) var ids: [MachineID] = []
    @Flag(name: .long, help: "All that have ended.") var all = false

    func validate() throws {
        if ids.isEmpty != all { throw ValidationError("name machines, or say --all") }
    }

    func run() throws {
        let machines = try home.open().machines
        let ended = try all ? MachineDirectory.all(in: machines).filter(\.hasRecord) : []
        for directory in try ended + ids.map({ try MachineDirectory.find($0, in: machines) }) {
            try Files.removeTree(directory.path)
        }
    }
}

struct MachineRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Supervise one machine to its end (started by 'sojourn run').",
        shouldDisplay: false)

    @Argument(help: "The machine's directory, HOME/machines/ID, with its spec.json.") var directory: String
    @Option(name: .long, help: "A descriptor that closes when the caller is gone.") var lifeline: Int32?
    @Option(name: .long, help: "A descriptor of the directory's lock, already taken.") var lock: Int32?

    func run() throws {
        guard let path = Files.canonical(directory) else {
            throw MachineError(.notFound, "there is no machine directory \(directory)")
        }
        let machine = MachineDirectory(path)
        guard let lock = try inheritedLock() ?? FileLock.take(machine.lock), !machine.hasRecord else {
            throw MachineError(.invalidSpecification, "machine \(path) runs already, or has ended")
        }
        let home = try Home(at: Files.parent(of: Files.parent(of: path)))
        let store = try ImageStore(home: home)
        try withExtendedLifetime(lock) {
            let settings = try Configuration.read(home).site
            try CataloguePlaces.with(settings, environment: Host.variables) { places in
                // Standard error is the supervisor's log.
                let tell: @Sendable (String) -> Void = { Report.line($0) }
                try HostSharing.during(store, settings, environment: Host.variables, tell: tell) {
                    try supervise(machine, store) { places.all($0) }
                }
            }
        }
    }

    private func supervise(_ machine: MachineDirectory, _ store: ImageStore, places: @escaping RangePlaces) throws {
        try Supervisor.run(
            machine, lifeline: lifeline.map { Descriptor(owning: $0) }, installation: try .current(), store: store,
            accept: StartAcceptance { image, kernel in
                var acceptance = try SiteAcceptance(store.home, try Configuration.read(store.home).site, now: .now)
                return [try acceptance.decide(.image(image)), try acceptance.decide(.kernel(kernel))]
            }, places: places)
    }

    private func inheritedLock() throws -> FileLock? { lock.map { FileLock(inherited: Descriptor(owning: $0)) } }
}
