import ArgumentParser
import GridModel
import ImageStore
import Linux
import Machine
import Policy
import QEMU
import Settings
import StrictJSON

struct MatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "match",
        abstract: "Hold a requirement against this host and the images of this home, field by field.",
        discussion: """
            Takes the options of 'sojourn run' that say what a job needs, a file (--requirement), and the #SOJOURN lines of a \
            script. Nothing is started. Returns 0 where an image fits, 1 where none does.
            """)

    @OptionGroup var home: HomeOptions
    @OptionGroup var wishes: RequirementOptions
    @Option(name: .long, help: "Judge for kvm or tcg instead of what a trial of this host found to work.")
    var accel: Accelerator?
    @Flag(name: .long, help: "As JSON: the host, and each image with all fields and what the job would get.")
    var json = false
    @Argument(help: "A script with #SOJOURN lines.") var script: String?

    struct Answer: Encodable {
        struct Image: Encodable {
            let environment: Environment
            let digest: Digest
            let match: Match
        }

        var version = 1
        let requirement: Requirement
        let host: HostFacts
        let accelerator: Accelerator
        let images: [Image]
    }

    func run() throws {
        let home = try home.open()
        let store = try ImageStore(home: home)
        let words = script.map { [$0.contains("/") ? $0 : "./\($0)"] } ?? []
        if let script, !Files.exists(script) { throw ValidationError("there is no script \(script)") }
        let requirement = try wishes.requirement(for: words)
        let (accelerator, level) = try accelerator(home, store)
        let host = try HostInspection(home, try Configuration.read(home).host, level: level).facts
        let images = try store.images().filter(\.isNewest).sorted { $0.environment < $1.environment }.map { image in
            Answer.Image(
                environment: image.environment, digest: image.digest,
                match: Match(requirement, on: host, image: ImageOffer(image)))
        }
        let answer = Answer(requirement: requirement, host: host, accelerator: accelerator, images: images)
        if json { try Report.data(try StrictJSON.encode(answer, pretty: true)) } else { show(answer) }
        if !images.contains(where: { $0.match.grant != nil }) { throw ExitCode(1) }
    }

    /// All where nothing was said; of a system alone, what stands on it too.
    private static func isMeant(_ environment: Environment, _ requirement: Requirement) -> Bool {
        if let wanted = requirement.environment { return environment == wanted }
        return requirement.os.map { $0 == environment.os } ?? true
    }

    private func accelerator(
        _ home: Home, _ store: ImageStore
    ) throws -> (accelerator: Accelerator, level: ArchitectureLevel) {
        let trial = AcceleratorTrial(memory: "\(home.cache)/accelerator.json")
        guard let kernel = try store.kernels().last else {
            // Nothing to try it with; emulation works everywhere.
            return try trial.choose(accel ?? .tcg, start: { throw ExitCode(1) }, warn: { _ in })
        }
        let provider = ImageProvider(home: home, installation: try Installation.current())
        return try trial.choose(
            accel, start: { try provider.trialFiles(kernel) }, warn: { Report.line("sojourn: \($0)") })
    }

    // MARK: For people

    private func show(_ answer: Answer) {
        let host = answer.host
        print(
            "\(host.name): \(host.freeCores) of \(host.cores) cores free, \(host.freeMemory.rounded) of "
                + "\(host.memory.rounded) memory, \(host.freeDisk.rounded) disk, \(host.architecture), "
                + answer.accelerator.rawValue)
        if !answer.images.contains(where: { Self.isMeant($0.environment, answer.requirement) }) {
            let wanted = answer.requirement.wantedEnvironment?.description ?? "os/debian12"
            print(
                "no image of it in this home; 'sojourn run' builds one on first use, or: sojourn image build \(wanted)")
        }
        for image in answer.images where !Self.isMeant(image.environment, answer.requirement) {
            print("\(image.environment) \(image.digest.short): does not fit: it is not what was asked for")
        }
        for image in answer.images where Self.isMeant(image.environment, answer.requirement) {
            print("\n\(image.environment) \(image.digest.short): \(summary(image.match))")
            Output.table(
                ["  FIELD", "ASKED", "HAS", ""],
                rows(image.match).map {
                    ["  \($0.name)", $0.asked, $0.offered, $0.fault.map { "no: \($0)" } ?? "fits"]
                })
        }
    }

    private func summary(_ match: Match) -> String {
        guard let grant = match.grant else { return "does not fit" }
        let times = [("wall", grant.wall), ("cpu", grant.cpu)].compactMap { name, time in time.map { "\(name) \($0)" } }
        return
            (["fits: cores \(grant.cores)", "memory \(grant.memory)", "scratch \(grant.scratch)"] + times
            + (grant.network == .none ? [] : ["network \(grant.network)"])).joined(separator: ", ")
    }

    /// Without what nobody asked for and nothing forbids.
    private func rows(_ match: Match) -> [Match.Field] {
        match.fields.filter { field in field.fault != nil || !["-", "0"].contains(field.asked) }
    }
}
