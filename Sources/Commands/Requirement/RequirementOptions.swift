import ArgumentParser
import GridModel

/// What a job asks for, by flags: over those of a file, over those of the script's own lines.
struct RequirementOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "The environment: EXPERIMENT/SOFTWARE:VERSION@OS, or @OS.",
        transform: Environment.init(parsing:))
    var env: Environment?

    @Option(
        name: .long, help: "A minimal operating system: short for --env @OS.",
        transform: RequirementDocument.system)
    var os: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A file with lines such as 'memory: 2GiB'; flags go before it, lines '#SOJOURN memory: 2GiB' of the script after.",
            valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var requirement: String?

    @Option(
        name: .long, help: "The least instruction set: x86-64-v1 to x86-64-v4.",
        transform: ArchitectureLevel.init(parsing:))
    var architecture: ArchitectureLevel?

    @Option(name: .long, help: "How many cores: N, or a range N-M (default: 1).", transform: CoreRange.init(parsing:))
    var cores: CoreRange?

    @Option(
        name: .long,
        help:
            "Anonymous and shared memory of all the job's processes, page cache not counted: 2GiB, or 2GiB-8GiB (default: 1GiB).",
        transform: ByteRange.init(parsing:))
    var memory: ByteRange?

    @Option(name: .long, help: "The same for each core.", transform: ByteRange.init(parsing:))
    var memoryPerCore: ByteRange?

    @Option(
        name: .long,
        help: "Room for everything the command writes outside shared directories (default: 1GiB-10GiB).",
        transform: ByteRange.init(parsing:))
    var scratch: ByteRange?

    @Option(name: .long, help: "Swap space besides the memory (default: none).", transform: ByteCount.init(parsing:))
    var swap: ByteCount?

    @Option(
        name: .long, help: "The longest time from the command's start; then TERM, 10 s, KILL, and status 124.",
        transform: WallTime.init(parsing:))
    var wall: WallTime?

    @Option(
        name: .long, help: "The most processor time, of all cores together; then as with --wall.",
        transform: WallTime.init(parsing:))
    var cpu: WallTime?

    @Option(
        name: .long, help: "What the machine reaches: none, or outgoing (default: none).",
        transform: NetworkProfile.init(parsing:))
    var network: NetworkProfile?

    @Option(name: .long, help: "How many GPUs.")
    var gpus: Int?

    @Option(
        name: .long, help: "The most that the command may print, and that may be staged out (default: 4GiB).",
        transform: ByteCount.init(parsing:))
    var outLimit: ByteCount?

    func validate() throws {
        if env != nil && os != nil { throw ValidationError("--env and --os say the same thing: give one of them") }
        if memory != nil && memoryPerCore != nil {
            throw ValidationError("--memory and --memory-per-core say the same thing: give one of them")
        }
        if let gpus, gpus < 0 { throw ValidationError("--gpus \(gpus): expected a whole number from 0 on") }
    }

    /// All that was asked for; `command` is what will run.
    func requirement(for command: [String]) throws -> Requirement {
        var flags = Requirement()
        (flags.environment, flags.os, flags.architecture, flags.cores) = (env, os, architecture, cores)
        (flags.memory, flags.memoryPerCore, flags.scratch, flags.swap) = (memory, memoryPerCore, scratch, swap)
        (flags.wall, flags.cpu, flags.network, flags.gpus) = (wall, cpu, network, gpus)
        flags.output = outLimit
        let file = try requirement.map { try RequirementDocument.read($0) } ?? Requirement()
        let script = try command.first.map { try RequirementDocument.ofScript($0) } ?? Requirement()
        return flags.over(file).over(script)
    }
}
