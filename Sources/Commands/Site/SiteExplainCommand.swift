import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Policy
import Settings
import StrictJSON

struct SiteExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say rule by rule whether an image or kernel may run here, why, and until when.",
        discussion: """
            REF is an environment, a kernel's name, or a digest of at least 8 digits, of what is here or is served by a \
            catalogue. Returns 0 where it may run, 4 where it is refused.
            """)

    @OptionGroup var home: HomeOptions
    @Argument(help: "What is asked about.") var ref: String
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        var acceptance = try home.acceptance()
        let meant = try find(&acceptance)
        var decisions: [Decision] = []
        for candidate in meant {
            decisions.append(acceptance.settings.rules.decide(try acceptance.facts(candidate), at: acceptance.now))
            if meant.count == 1, let kernel = try kernel(of: candidate, acceptance.store) {
                decisions.append(try acceptance.decide(.kernel(kernel)))
            }
        }
        if json {
            try Report.data(try StrictJSON.encode(decisions, pretty: true))
        } else {
            for (index, decision) in decisions.enumerated() { show(decision, isFirst: index == 0) }
            for unused in acceptance.settings.unused {
                print("\nnot asked: \(unused.name) (\(unused.source)): \(unused.because)")
            }
        }
        // One image needs its kernel too; of several one that may run is enough.
        let mayRun = meant.count == 1 ? decisions.allSatisfy(\.isAccepted) : decisions.contains(where: \.isAccepted)
        if !mayRun { throw ExitCode(4) }
    }

    /// Of an image that is here: without it, it does not start.
    private func kernel(of candidate: SiteAcceptance.Candidate, _ store: ImageStore) throws -> StoredKernel? {
        if case .stored(.image(let image)) = candidate { try store.kernel(of: image) } else { nil }
    }

    /// By digest one; by name all of it, the one that would run first.
    private func find(_ acceptance: inout SiteAcceptance) throws -> [SiteAcceptance.Candidate] {
        let all = try acceptance.store.artifacts().map { SiteAcceptance.Candidate.stored($0) }
        let here = Set(all.map(\.digest))
        let known = all + (try acceptance.allServed().filter { !here.contains($0.digest) })
        let digits = ref.hasPrefix("sha256:") ? String(ref.dropFirst(7)) : ref
        let named = [ref, ref.hasPrefix("@") ? "os/\(ref.dropFirst())" : "os/\(ref)"]
        let found = known.filter {
            named.contains($0.name) || (digits.utf8.count >= 8 && $0.digest.hex.hasPrefix(digits))
        }
        guard !found.isEmpty else {
            throw DistributionError(
                .unknownReference,
                "'\(ref)' is neither here nor served by a catalogue that is trusted here"
                    + acceptance.faults.map { " (\($0.because))" }.joined() + ": "
                    + NearestNames.hint(for: ref, among: Array(Set(known.map(\.name))).sorted()))
        }
        guard found.count > 1, let first = found.first, found.allSatisfy({ $0.name == first.name }) else {
            return found
        }
        let chosen = try acceptance.choose(first.name, isKernel: first.isKernel).candidate?.digest
        return found.filter { $0.digest == chosen } + found.filter { $0.digest != chosen }
    }

    private func show(_ decision: Decision, isFirst: Bool) {
        if !isFirst { print("") }
        let until = decision.until.map { ", until \($0)" } ?? ""
        print("\(decision.name) \(decision.digest): \(decision.isAccepted ? "may run here\(until)" : "is refused")")
        for step in decision.steps {
            let mark =
                switch step.outcome {
                case .passes: "yes"
                case .refuses: "NO"
                case .silent: "-"
                }
            print("  \(mark)\t\(step.description.escapingControls)")
        }
        for reason in decision.reasons { print("  because \(reason.description.escapingControls)") }
        for note in decision.notes { print("  note: \(note.escapingControls)") }
    }
}
