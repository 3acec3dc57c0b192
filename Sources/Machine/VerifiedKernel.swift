import GridModel
import ImageFormat
import ImageStore
import Linux

/// The files of a kernel, each open and hashed as a whole through the descriptor that QEMU gets.
struct VerifiedKernel {
    let vmlinuz: Descriptor
    let modules: Descriptor

    static func open(_ specification: MachineSpecification, in store: ImageStore) throws -> VerifiedKernel {
        let kernel = try store.kernel(reference: specification.kernel.description)
        let files = try store.openVerified([kernel.vmlinuz, kernel.modules], of: kernel.name)
        return VerifiedKernel(vmlinuz: files[0], modules: files[1])
    }
}
