import GridModel
package import ImageStore
package import Policy

/// Asks at every start whether image and kernel may run here now.
package struct StartAcceptance {
    /// What the site's rules say of both.
    package typealias Judge = (StoredImage, StoredKernel) throws -> [Decision]

    private let judge: Judge

    package init(_ judge: @escaping Judge) { self.judge = judge }

    /// Of the factory's own check only the kernel is judged: the image has not its name yet, and what passed can be endorsed
    /// or refused.
    func decide(_ specification: MachineSpecification, in store: ImageStore) throws -> [Decision] {
        let image = try store.image(reference: specification.image.description)
        let decisions = try judge(image, try store.kernel(reference: specification.kernel.description))
        let isUnfinished = image.isBuiltHere && !image.standing.isNewest && !image.standing.wasNewest
        return specification.isCheck == true && isUnfinished
            ? decisions.filter { $0.digest != image.digest } : decisions
    }
}
