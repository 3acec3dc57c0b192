import GridModel
import ImageFactory
import ImageStore
import Machine
import QEMU
import System

/// Finds the image for an environment, and builds it on first use, saying so.
struct ImageProvider {
    let home: Home
    let installation: Installation

    func provide(
        _ environment: Environment, progress: ProgressLine, isQuiet: Bool
    ) throws -> (image: StoredImage, kernel: StoredKernel) {
        let store = try ImageStore(home: home)
        let image = try store.image(for: environment) ?? build(environment, store, progress, isQuiet)
        return (image, try store.kernel(of: image))
    }

    private func build(
        _ environment: Environment, _ store: ImageStore, _ progress: ProgressLine, _ isQuiet: Bool
    ) throws -> StoredImage {
        let factory = Factory(store: store, recipes: try RecipeBook.standard(home: home)) { line in
            if isQuiet { return }
            progress.clear()
            Report.line("sojourn: \(line)")
        }
        return try factory.ensure(environment)
    }

    /// For the trial of an accelerator: this kernel, and the agent alone.
    func trialFiles(_ kernel: StoredKernel) throws -> AcceleratorTrial.Files {
        let store = try ImageStore(home: home)
        return try TrialGuest.files(
            kernel: try store.openVerified(kernel.vmlinuz, of: kernel.name), installation: installation)
    }
}
