package import GridModel
package import ImageFormat

extension ImageStore {
    /// What the check machine of an image read; nil where nobody says.
    package func bootTrace(of image: Digest) throws -> BootTrace? {
        guard let referrer = try referrers(of: image).last(where: { $0.artifactType == MediaType.bootTrace }) else {
            return nil
        }
        // Only a hint, which anybody may have written.
        do { return try BootTrace(decoding: try content(of: referrer), source: "the boot trace of \(image)") } catch {
            return nil
        }
    }
}
