import ArgumentParser
import Control
import Glibc
import GridModel
import ImageStore
import Linux
import Machine
import QEMU
import Settings
import StrictJSON

/// One machine in the foreground, from the options to the exit status.
struct MachineSession {
    let options: MachineOptions
    let command: [String]
    /// True: refuse without one; nil: where our own streams are one.
    let wantsTerminal: Bool?
    /// Exactly these, whatever the environment means by now.
    var pinned: (image: Digest, kernel: Digest)?

    func run() throws -> MachineRecord {
        let home = try options.home.open()
        let installation = try Installation.current()
        let progress = ProgressLine(isWanted: !options.quiet)
        defer { progress.clear() }
        let requirement = try options.requirement.requirement(for: command)
        guard let environment = requirement.wantedEnvironment else {
            throw ValidationError(
                "no environment given: add --os debian12, or --env EXPERIMENT/SOFTWARE:VERSION@OS, or a line '#SOJOURN os: "
                    + "debian12' to a script that is named with its directory, as in ./job.sh")
        }
        var request = self.request(requirement)
        let settings = try Configuration.read(home).host
        // As far as it can be judged before there is an image; nothing has been fetched or built yet.
        try request.match(on: try HostInspection(home, settings, level: .v4).facts)
        _ = try QEMUPrograms.find()
        // Now rather than after the run, when there would be nowhere to put it.
        if let path = options.record { try Files.write([], to: path) }
        let clock = ContinuousClock()
        let begun = clock.now
        let provider = ImageProvider(home: home, installation: installation)
        let (image, kernel) =
            try pinned.map { try provider.pinned(image: $0.image, kernel: $0.kernel) }
            ?? provider.provide(environment, kernel: options.kernel, progress: progress, isQuiet: options.quiet)
        let elapsed = begun.duration(to: clock.now) / .milliseconds(1)
        request.terminal = try terminal()
        request.documents = try EnvironmentDocument.documents(
            for: image, kernel: kernel, in: try ImageStore(home: home))
        let accelerator = try chooseAccelerator(home, kernel, provider, progress)
        var signals: Signals?
        let (specification, launch) = try MachineStarter(home: home, installation: installation).start(
            request, image: image, kernel: kernel, on: accelerator, imageMilliseconds: Int64(elapsed),
            say: { warn($0, progress) }, begin: { signals = try MachineFollower.takeSignals() })
        guard let signals else { preconditionFailure("taken before the start") }
        let record = try follow(launch, specification, signals, progress)
        progress.clear()
        try report(record)
        return record
    }

    private func request(_ requirement: Requirement) -> MachineRequest {
        var request = MachineRequest(requirement, command: command)
        request.binds = options.bind
        request.setVariables = options.setenv
        request.cleansEnvironment = options.cleanenv
        if options.isolated { request.isolation = .init(inputs: options.inputs, outputs: options.outputs) }
        return request
    }

    private func terminal() throws -> MachineSpecification.Window? {
        let isTerminal = Terminal.isTerminal(STDIN_FILENO) && Terminal.isTerminal(STDOUT_FILENO)
        if wantsTerminal == true && !isTerminal {
            throw ValidationError(
                "a shell needs a terminal on standard input and output; for a script use 'sojourn run'")
        }
        guard isTerminal else { return nil }
        let window = Terminal.window(of: STDIN_FILENO) ?? .init(columns: 80, rows: 24)
        return .init(columns: window.columns, rows: window.rows)
    }

    private func chooseAccelerator(
        _ home: Home, _ kernel: StoredKernel, _ provider: ImageProvider, _ progress: ProgressLine
    ) throws -> (accelerator: Accelerator, level: ArchitectureLevel) {
        let trial = AcceleratorTrial(memory: "\(home.cache)/accelerator.json")
        return try trial.choose(options.accel, start: { try provider.trialFiles(kernel) }, warn: { warn($0, progress) })
    }

    private func warn(_ text: String, _ progress: ProgressLine) {
        progress.clear()
        if !options.quiet { Report.line("sojourn: \(text)") }
    }

    private func follow(
        _ launch: MachineLaunch, _ specification: MachineSpecification, _ signals: Signals, _ progress: ProgressLine
    ) throws -> MachineRecord {
        let what =
            "\(specification.environment) (\(specification.image.short)), \(specification.cores) "
            + "core\(specification.cores == 1 ? "" : "s"), \(specification.memory), \(specification.accelerator.rawValue)"
        let follower = try MachineFollower(
            launch, usesTerminal: specification.payload.terminal != nil, signals: signals
        ) { phase in
            switch phase {
            case .booting: progress.show("starting \(what)")
            case .starting: progress.show("starting \(what): making it ready")
            case .running, .closing, .over: progress.clear()
            }
        }
        return try follower.follow()
    }

    private func report(_ record: MachineRecord) throws {
        if record.outcome.kind != .exited && record.outcome.kind != .signalled {
            Report.error("\(record.outcome.message) (\(record.outcome.kind.rawValue), machine \(record.id))")
        }
        if !options.quiet { for note in record.notes { Report.line("sojourn: \(note)") } }
        if !options.quiet, let line = AskedAndUsed(record)?.line { Report.line("sojourn: asked / used: \(line)") }
        if options.summary { Report.line(RunAccount.text(record)) }
        if let path = options.record { try Files.write(try StrictJSON.encode(record, pretty: true), to: path) }
        if options.json { Report.document(try record.json()) }
    }
}
