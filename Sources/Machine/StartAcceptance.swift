import GridModel
package import ImageStore
package import Policy

/// Asks at every start whether image and kernel may run here now.
package struct StartAcceptance {
    /// What the site's rules say of both.
    package typealias Judge = (StoredImage, StoredKernel) throws -> [Decision]

    private let judge: Judge

    package init(_ judge: @escaping Judge) { self.judge = judge }

    /// Nothing for the factory's own check of what this home built: only what passed can be endorsed or refused.
    func decide(_ specification: MachineSpecification, in store: ImageStore) throws -> [Decision] {
        let image = try store.image(reference: specification.image.description)
        if specification.isCheck == true && image.isBuiltHere { return [] }
        return try judge(image, try store.kernel(reference: specification.kernel.description))
    }
}
