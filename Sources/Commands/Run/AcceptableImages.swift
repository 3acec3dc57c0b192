import Distribution
import GridModel
import ImageFormat
import ImageStore
import Linux
import Policy
import Settings

/// What may run here of all that goes by a name, brought here where a catalogue serves it.
struct AcceptableImages {
    var acceptance: SiteAcceptance
    let say: (String) -> Void
    /// What changes quickly.
    let show: (String) -> Void

    /// Nil where nobody has one, and the home may build one of its own.
    mutating func image(_ environment: Environment) throws -> StoredImage? {
        let (choice, candidate) = try acceptance.choose(environment.description, isKernel: false)
        guard let candidate else {
            let rules = acceptance.settings.rules
            if choice.passedOver.isEmpty && rules.ownImages == .allow {
                for fault in acceptance.faults { say("not asked for \(environment): \(fault.because)") }
                return nil
            }
            throw refusal(choice, of: environment.description)
        }
        sayPassedOver(choice)
        if case .stored(.image(let image)) = candidate { return image }
        try fetch(candidate)
        return try acceptance.store.image(reference: candidate.digest.description)
    }

    /// The one that the image was checked with, if it may run; else the newest of that name that may, and fits.
    mutating func kernel(for image: StoredImage) throws -> StoredKernel {
        let named = try acceptance.store.kernel(of: image)
        let decision = try acceptance.decide(.kernel(named))
        if decision.isAccepted { return named }
        let (choice, candidate) = try acceptance.choose(named.name, isKernel: true)
        guard let candidate else {
            let refusal = refusal(choice, of: named.name)
            throw DistributionError(
                refusal.code,
                "\(refusal.message); or build one of your own: sojourn image build --fresh \(named.name)")
        }
        if case .served = candidate { try fetch(candidate) }
        let kernel = try acceptance.store.kernel(reference: candidate.digest.description)
        guard kernel.configuration.guestInterface >= image.configuration.guestInterface else {
            throw refusal(choice, of: named.name)
        }
        say(
            "\(image.environment) runs with \(kernel.name) \(kernel.digest.short): \(named.digest.short) is refused: "
                + decision.refusal)
        return kernel
    }

    /// What refuses the newer ones, which people may wonder about.
    private func sayPassedOver(_ choice: Choice) {
        guard let chosen = choice.chosen else { return }
        for passed in choice.passedOver where !passed.decision.isAccepted && passed.decision.standing != .none {
            say("\(chosen.name): \(chosen.digest.short) in place of \(passed.decision.digest.short), \(passed.because)")
        }
        for note in chosen.notes { say("\(chosen.name): \(note)") }
    }

    private func refusal(_ choice: Choice, of name: String) -> DistributionError {
        let reasons = choice.passedOver.prefix(5).map { "\($0.decision.digest.short) is \($0.because)" }
        let all = choice.refusal.map { [$0.description] } ?? reasons
        return DistributionError(
            .notAccepted,
            all.isEmpty
                ? acceptance.faults.map { "\($0.because); " }.joined()
                    + "no catalogue that this site trusts endorses \(name), and its rules forbid own images; trust one that does: "
                    + "sojourn site trust"
                : "\(name) may not run here: \(all.joined(separator: "; "))")
    }

    private mutating func fetch(_ candidate: SiteAcceptance.Candidate) throws {
        let sources = try acceptance.sources(of: candidate)
        for source in sources {
            say("fetching \(source.entry.name) (\(source.entry.digest.short)), endorsed at \(source.catalogue.url)")
        }
        let report = try ImagePull.with(
            acceptance.store, acceptance.settings, environment: Host.variables, progress: show
        ) { try $0.begin(sources, at: acceptance.now) }
        report.faults.forEach(say)
    }
}
