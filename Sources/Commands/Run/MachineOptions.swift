import ArgumentParser
import QEMU

/// What `run` and `shell` have in common: the environment, the machine's size, what it shares, and how to report.
struct MachineOptions: ParsableArguments {
    @OptionGroup var home: HomeOptions

    @OptionGroup var requirement: RequirementOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Another kernel than the image was checked with: a name (kernel-debian13) or a digest.", valueName: "kernel"
        ))
    var kernel: String?

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
        if !isolated && !(inputs.isEmpty && outputs.isEmpty) {
            throw ValidationError(
                "--in and --out stage files of an --isolated machine: add --isolated, or leave them out")
        }
        if isolated && !bind.isEmpty {
            throw ValidationError("--isolated shares nothing: leave out --bind, or --isolated")
        }
    }
}

extension Accelerator: ExpressibleByArgument {}
