import GuestProtocol
package import Linux
package import QEMU

/// The smallest guest there is: a kernel and an agent that powers off at once.
package enum TrialGuest {
    package static func files(kernel: Descriptor, installation: Installation) throws -> AcceleratorTrial.Files {
        let agent = try Files.read(try installation.requireGuest(), limit: 64 << 20)
        return .init(
            kernel: kernel, initrd: try Initrd.make(modules: nil, agent: agent), argument: GuestLink.probeArgument)
    }
}
