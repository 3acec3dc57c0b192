import GridModel
import ImageFactory
import ImageFormat
import ImageStore
import Machine
import QEMU
import System

/// Finds the image for an environment, and builds it on first use, saying so.
struct ImageProvider {
    let home: Home
    let installation: Installation

    func provide(
        _ environment: Environment, kernel reference: String?, progress: ProgressLine, isQuiet: Bool
    ) throws -> (image: StoredImage, kernel: StoredKernel) {
        let store = try ImageStore(home: home)
        let image = try store.image(for: environment) ?? build(environment, store, progress, isQuiet)
        guard let reference else { return (image, try store.kernel(of: image)) }
        let kernel = try chosenKernel(reference, store, progress, isQuiet)
        guard kernel.configuration.guestInterface >= image.configuration.guestInterface else {
            throw ImageStoreError(
                .unknownReference,
                "--kernel \(reference): \(image.environment) needs guest interface \(image.configuration.guestInterface), this "
                    + "kernel has \(kernel.configuration.guestInterface); choose a newer one")
        }
        return (image, kernel)
    }

    /// Exactly these; nothing is built.
    func pinned(image: Digest, kernel: Digest) throws -> (image: StoredImage, kernel: StoredKernel) {
        let store = try ImageStore(home: home)
        do {
            return (
                try store.image(reference: image.description), try store.kernel(reference: kernel.description)
            )
        } catch let error as ImageStoreError where error.code == .unknownReference {
            throw ImageStoreError(
                .unknownReference,
                "\(error.message); bring it from where the job ran: sojourn image export \(image) --to DIR, there, and sojourn "
                    + "image import DIR, here")
        }
    }

    /// By digest or name; by its recipe's name it is made on first use, as images are.
    private func chosenKernel(
        _ reference: String, _ store: ImageStore, _ progress: ProgressLine, _ isQuiet: Bool
    ) throws -> StoredKernel {
        let isName = reference.hasPrefix("kernel-")
        if isName, try store.kernel(named: reference) == nil {
            return try factory(store, progress, isQuiet).ensureKernel(reference)
        }
        return try store.kernel(reference: reference)
    }

    private func build(
        _ environment: Environment, _ store: ImageStore, _ progress: ProgressLine, _ isQuiet: Bool
    ) throws -> StoredImage {
        try factory(store, progress, isQuiet).ensure(environment)
    }

    private func factory(_ store: ImageStore, _ progress: ProgressLine, _ isQuiet: Bool) throws -> Factory {
        let say = { (line: String) in
            if isQuiet { return }
            progress.clear()
            Report.line("sojourn: \(line)")
        }
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
