import Attestation
import GridModel
import ImageFactory
import ImageFormat
import ImageStore
import StrictJSON

/// `/run/sojourn/environment.json` of a machine: which environment a payload is in and who checked it, so that a pilot need
/// not find out for itself.
struct EnvironmentDocument: Encodable {
    struct Kernel: Encodable {
        var name: String
        var digest: Digest
        var release: String
        /// Whether it is the one that the image was built and checked with.
        var isImagesOwn: Bool
    }

    struct Check: Encodable {
        var time: Timestamp
        var commands: [String]
        var accelerator: String
        var kernel: Digest
        /// Of the key that signed the result: sha256 of its SubjectPublicKeyInfo.
        var keyid: String
        /// The signed result itself, beside this file.
        var envelope = "check.dsse.json"
    }

    var version = 1
    var environment: Environment
    var image: Digest
    var system: String
    var kernel: Kernel
    /// Nil where no result is believed here: the payload then checks for itself.
    var check: Check?

    /// The documents of a machine, by name.
    static func documents(for image: StoredImage, kernel: StoredKernel, in store: ImageStore) throws -> [String: String]
    {
        var document = EnvironmentDocument(
            environment: image.environment, image: image.digest, system: image.configuration.systemName,
            kernel: Kernel(
                name: kernel.name, digest: kernel.digest, release: kernel.configuration.release,
                isImagesOwn: kernel.digest == image.configuration.kernel))
        var documents: [String: String] = [:]
        if let found = try CheckedImage.result(of: image.digest, in: store) {
            let setting = found.result.setting
            document.check = Check(
                time: setting.time, commands: found.result.passed, accelerator: setting.accelerator,
                kernel: setting.kernel.digest, keyid: found.signer)
            documents["check.dsse.json"] = String(decoding: found.envelope, as: UTF8.self)
        }
        documents["environment.json"] = String(decoding: try StrictJSON.encode(document, pretty: true), as: UTF8.self)
        return documents
    }
}
