import ArgumentParser
import Distribution
import GridModel
import ImageFormat
import ImageStore

/// What of this home is to be endorsed.
struct EndorsedArtifact {
    let name: ArtifactName
    let digest: Digest
    let subject: Drafting.Subject
    /// That an image needs.
    let kernel: Digest?

    /// An image is endorsed as what it is: refused where that is not what the person says.
    init(_ reference: String, as wanted: String?, _ store: ImageStore) throws {
        let artifact = try store.artifact(reference: reference)
        switch artifact {
        case .image(let image):
            name = .image(image.environment)
            kernel = image.configuration.kernel
        case .kernel(let found):
            name = .kernel(found.name)
            kernel = nil
        }
        digest = artifact.digest
        if let wanted {
            let expected = try kernel == nil ? wanted : Environment(parsing: wanted).description
            guard expected == name.description else {
                throw ValidationError(
                    "\(artifact.digest) is \(name.description), and cannot be endorsed as \(wanted): jobs ask for images by "
                        + "what these say of themselves; build one of that name")
            }
        }
        subject = Drafting.Subject(name, digest, length: try store.blobs(of: artifact)[0].size)
    }
}
