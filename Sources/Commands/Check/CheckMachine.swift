import GridModel
import ImageFactory
import ImageFormat
import ImageStore
import Linux
import Machine
import QEMU

/// Runs the checks of an image in an isolated machine of it, as the factory asks.
struct CheckMachine {
    let home: Home
    let installation: Installation
    let progress: (String) -> Void

    /// Every command gets a shell of its own; their output goes to standard error, what became of them to standard output.
    private static let script = """
        number=0
        for command do
            number=$((number + 1))
            sh -c "$command" >&2 </dev/null
            echo "$number $?"
        done
        """
    private static let limit = WallTime(seconds: 3600)

    func run(_ image: StoredImage, _ kernel: StoredKernel) throws -> CheckOutcome {
        let provider = ImageProvider(home: home, installation: installation)
        let trial = AcceleratorTrial(memory: "\(home.cache)/accelerator.json")
        let accelerator = try trial.choose(start: { try provider.trialFiles(kernel) }, warn: progress)
        let needs = image.configuration.needs
        var requirement = Requirement()
        requirement.environment = image.environment
        requirement.cores = CoreRange(needs.cores, needs.cores)
        requirement.memory = ByteRange(max(needs.memory, .mebibytes(512)))
        requirement.scratch = ByteRange(.gibibytes(1), .gibibytes(4))
        requirement.wall = Self.limit
        requirement.output = .mebibytes(64)
        var request = MachineRequest(
            requirement, command: ["/bin/sh", "-c", Self.script, "check"] + image.configuration.checks)
        request.cleansEnvironment = true
        request.isCheck = true
        request.isolation = .init(inputs: [], outputs: [])
        let launch = try MachineStarter(home: home, installation: installation).start(
            request, image: image, kernel: kernel, on: accelerator, imageMilliseconds: 0, say: progress
        ).launch
        let record = try launch.finish()
        let outcome = try judge(record, launch.directory, image.configuration.checks)
        try keepTrace(launch.directory.bootTrace, of: image)
        try Files.removeTree(launch.directory.path)
        return outcome
    }

    /// What the machine read: other hosts fetch it first. One is enough.
    private func keepTrace(_ path: String, of image: StoredImage) throws {
        let store = try ImageStore(home: home)
        guard Files.exists(path), try store.bootTrace(of: image.digest) == nil else { return }
        try store.attach(
            try Files.read(path, limit: 16 << 20), mediaType: MediaType.bootTrace, artifactType: MediaType.bootTrace,
            to: image.digest)
    }

    private func judge(_ record: MachineRecord, _ directory: MachineDirectory, _ commands: [String]) throws
        -> CheckOutcome
    {
        let output = try tail(directory.standardError)
        guard record.outcome.kind == .exited else {
            return CheckOutcome(
                passed: [], failed: commands.isEmpty ? ["start of a machine"] : commands,
                output: "\(record.outcome.message) (\(record.outcome.kind.rawValue))\n\(output)",
                accelerator: record.accelerator.rawValue)
        }
        var passed: Set<Int> = []
        for line in try tail(directory.standardOutput).split(separator: "\n") {
            let words = line.split(separator: " ").compactMap { Int($0) }
            if words.count == 2, words[1] == 0 { passed.insert(words[0] - 1) }
        }
        return CheckOutcome(
            passed: commands.indices.filter(passed.contains).map { commands[$0] },
            failed: commands.indices.filter { !passed.contains($0) }.map { commands[$0] }, output: output,
            accelerator: record.accelerator.rawValue)
    }

    /// The last 16 KiB of what a payload wrote, without control characters.
    private func tail(_ path: String) throws -> String {
        guard Files.exists(path) else { return "" }
        let file = try Descriptor.open(path, 0)
        let start = max(0, try file.size() - 16384)
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: start) }
        return String(decoding: bytes.prefix(count).map { $0 < 32 && $0 != 10 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
    }
}
