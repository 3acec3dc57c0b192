import Distribution
import GridModel
import ImageFactory
import ImageFormat
import ImageStore
import Linux
import Machine
import Policy
import QEMU
import Settings

/// Finds the image for an environment, and builds it on first use, saying so.
struct ImageProvider {
    let home: Home
    let installation: Installation

    /// The newest image that may run here, and a kernel for it: in the home, served by a catalogue, or built where nobody
    /// has one.
    func provide(
        _ environment: Environment, kernel reference: String?, progress: ProgressLine, isQuiet: Bool
    ) throws -> (image: StoredImage, kernel: StoredKernel) {
        let say = says(progress, isQuiet)
        var choice = AcceptableImages(
            acceptance: try SiteAcceptance(home, try Configuration.read(home).site, now: .now), say: say,
            show: { progress.show($0) })
        let store = choice.acceptance.store
        let image = try choice.image(environment) ?? factory(store, say).ensure(environment)
        guard let reference else { return (image, try choice.kernel(for: image)) }
        let kernel = try chosenKernel(reference, store, say)
        guard kernel.configuration.guestInterface >= image.configuration.guestInterface else {
            throw ImageStoreError(
                .unknownReference,
                "--kernel \(reference): \(image.environment) needs guest interface \(image.configuration.guestInterface), this "
                    + "kernel has \(kernel.configuration.guestInterface); choose a newer one")
        }
        return try accepted(image, kernel)
    }

    /// Exactly these; nothing is built.
    func pinned(image: Digest, kernel: Digest) throws -> (image: StoredImage, kernel: StoredKernel) {
        let store = try ImageStore(home: home)
        do {
            return try accepted(
                try store.image(reference: image.description), try store.kernel(reference: kernel.description))
        } catch let error as ImageStoreError where error.code == .unknownReference {
            throw ImageStoreError(
                .unknownReference,
                "\(error.message); bring it from where the job ran: sojourn image export \(image) --to DIR, there, and sojourn "
                    + "image import DIR, here")
        }
    }

    /// Both of them, or the reason of the one that may not run here: before anything boots, were it to try an accelerator.
    private func accepted(
        _ image: StoredImage, _ kernel: StoredKernel
    ) throws -> (image: StoredImage, kernel: StoredKernel) {
        var acceptance = try SiteAcceptance(home, try Configuration.read(home).site, now: .now)
        for artifact in [StoredArtifact.image(image), .kernel(kernel)] {
            let decision = try acceptance.decide(artifact)
            guard decision.isAccepted else {
                throw DistributionError(
                    .notAccepted,
                    "\(decision.name) (\(decision.digest.short)) may not run here: \(decision.refusal)")
            }
        }
        return (image, kernel)
    }

    /// By digest or name; by its recipe's name it is made on first use, as images are.
    private func chosenKernel(
        _ reference: String, _ store: ImageStore, _ say: @escaping (String) -> Void
    ) throws -> StoredKernel {
        let isName = reference.hasPrefix("kernel-")
        if isName, try store.kernel(named: reference) == nil {
            return try factory(store, say).ensureKernel(reference)
        }
        return try store.kernel(reference: reference)
    }

    private func says(_ progress: ProgressLine, _ isQuiet: Bool) -> (String) -> Void {
        { (line: String) in
            if isQuiet { return }
            progress.clear()
            Report.line("sojourn: \(line)")
        }
    }

    private func factory(_ store: ImageStore, _ say: @escaping (String) -> Void) throws -> Factory {
        let machine = CheckMachine(home: home, installation: installation, progress: say)
        return Factory(
            store: store, recipes: try RecipeBook.standard(home: home), check: machine.run, progress: say)
    }

    /// For the trial of an accelerator: this kernel, and the agent alone.
    func trialFiles(_ kernel: StoredKernel) throws -> AcceleratorTrial.Files {
        let store = try ImageStore(home: home)
        return try TrialGuest.files(
            kernel: try store.openVerified(kernel.vmlinuz, of: kernel.name), installation: installation)
    }
}
