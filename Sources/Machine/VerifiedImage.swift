import GridModel
import ImageFormat
import ImageStore
import Linux

/// The files of an image and a kernel, each open and hashed as a whole through the descriptor that QEMU gets.
struct VerifiedImage {
    /// From the lowest up.
    let layers: [Descriptor]
    let kernel: Descriptor
    let modules: Descriptor

    static func open(_ specification: MachineSpecification, in store: ImageStore) throws -> VerifiedImage {
        let image = try store.image(reference: specification.image.description)
        let kernel = try store.kernel(reference: specification.kernel.description)
        let blobs = image.layers.map(\.filesystem) + [kernel.vmlinuz, kernel.modules]
        let files = try store.openVerified(blobs, of: specification.environment.description)
        let count = image.layers.count
        return VerifiedImage(layers: Array(files.prefix(count)), kernel: files[count], modules: files[count + 1])
    }
}
