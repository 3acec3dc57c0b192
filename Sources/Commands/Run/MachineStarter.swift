import GridModel
import ImageStore
import Linux
import Machine
import QEMU
import Settings

/// Starts one machine of a home: what it is given, another one that starts at the same time sees.
struct MachineStarter {
    let home: Home
    let installation: Installation

    /// `level` is the highest that the accelerator gives here; `begin` is called when the way is free.
    func start(
        _ request: MachineRequest, image: StoredImage, kernel: StoredKernel,
        on accelerator: (accelerator: Accelerator, level: ArchitectureLevel), imageMilliseconds: Int64,
        say: (String) -> Void, begin: () throws -> Void = {}
    ) throws -> (specification: MachineSpecification, launch: MachineLaunch) {
        // Before, since it takes as long as reading the inputs.
        var request = request
        try request.findInputs()
        let lock = try FileLock.wait("\(home.cache)/start.lock") {
            say("another machine of this home is being started; waiting for it")
        }
        return try withExtendedLifetime(lock) {
            let host = try HostInspection(home, try Configuration.read(home).host, level: accelerator.level)
            let specification = try request.specify(
                image: image, kernel: kernel, on: host, accelerator: accelerator.accelerator, account: .current,
                imageMilliseconds: imageMilliseconds)
            try begin()
            return (
                specification,
                try MachineLaunch.start(specification, in: home.machines, installation: installation)
            )
        }
    }
}
