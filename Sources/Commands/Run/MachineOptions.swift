import ArgumentParser
import GridModel
import QEMU

/// What `run` and `shell` have in common: the environment, the machine's size, what it shares, and how to report.
struct MachineOptions: ParsableArguments {
    @OptionGroup var home: HomeOptions

    @Option(
        name: .long,
        help: "The environment: EXPERIMENT/SOFTWARE:VERSION@OS, or @OS.",
        transform: Environment.init(parsing:))
    var env: Environment?

    @Option(name: .long, help: "A minimal operating system: short for --env @OS.")
    var os: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Another kernel than the image was checked with: a name (kernel-debian13) or a digest.", valueName: "kernel"
        ))
    var kernel: String?

    @Option(name: .long, help: "How many cores: N, or a range N-M (default: 1).", transform: CoreRange.init(parsing:))
    var cores: CoreRange?

    @Option(name: .long, help: "The machine's memory (default: 1GiB).", transform: ByteCount.init(parsing:))
    var memory = ByteCount.gibibytes(1)

    @Option(
        name: .long, help: "Room for everything the command writes outside shared directories (default: 10GiB).",
        transform: ByteCount.init(parsing:))
    var scratch = ByteCount.gibibytes(10)

    @Option(
        name: .long, help: "The longest time from the command's start; then TERM, 10 s, KILL, and status 124.",
        transform: WallTime.init(parsing:))
    var wall: WallTime?

    @Option(name: .long, help: "Share SRC[:DST[:ro]] besides the current directory. May be repeated.")
    var bind: [String] = []

    @Flag(name: .long, help: "Share nothing; stage files with --in and --out.")
    var isolated = false

    @Option(
        name: .customLong("in"), parsing: .singleValue,
        help: "A file or directory to stage in (--isolated). May be repeated.")
    var inputs: [String] = []

    @Option(
        name: .customLong("out"), parsing: .singleValue,
        help: "A pattern of files to stage out (--isolated). May be repeated.")
    var outputs: [String] = []

    @Option(name: .long, help: "The most that may be staged out (default: 4GiB).", transform: ByteCount.init(parsing:))
    var outLimit = ByteCount.gibibytes(4)

    @Flag(name: .long, help: "Do not pass the caller's environment on.")
    var cleanenv = false

    @Option(name: .long, parsing: .singleValue, help: "Set a variable for the command: NAME=VALUE. May be repeated.")
    var setenv: [String] = []

    @Option(name: .long, help: "Use kvm or tcg instead of what a trial of this host found to work.")
    var accel: Accelerator?

    @Flag(name: .long, help: "Print the record of the run as the last line of standard error, as JSON.")
    var json = false

    @Option(name: .long, help: "Write the record of the run to a file, as JSON.")
    var record: String?

    @Flag(name: .long, help: "End with a short account: asked and given, image, times, status.")
    var summary = false

    @Flag(name: [.long, .short], help: "Say nothing but what went wrong.")
    var quiet = false

    func validate() throws {
        if env != nil && os != nil { throw ValidationError("--env and --os say the same thing: give one of them") }
        if !isolated && !(inputs.isEmpty && outputs.isEmpty) {
            throw ValidationError(
                "--in and --out stage files of an --isolated machine: add --isolated, or leave them out")
        }
        if isolated && !bind.isEmpty {
            throw ValidationError("--isolated shares nothing: leave out --bind, or --isolated")
        }
    }

    /// The environment as asked for; nil where none was.
    func environment() throws -> Environment? {
        try env
            ?? os.map { name in
                guard Environment.isName(name) else {
                    throw ValidationError("--os \(name): expected a system's name, for example debian12")
                }
                return Environment(software: nil, os: name)
            }
    }
}

extension Accelerator: ExpressibleByArgument {}
