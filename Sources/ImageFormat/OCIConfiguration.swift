import GridModel
import StrictJSON

/// The form that OCI tools expect of a configuration, with our fields under one key
/// (image-spec 1.1, "OCI Image Configuration": unknown keys are ignored by others).
struct OCIConfiguration<Fields: Codable & Sendable>: Codable, Sendable {
    struct Runtime: Codable, Sendable {
        var variables: [String]

        private enum CodingKeys: String, CodingKey { case variables = "Env" }
    }

    struct RootFilesystem: Codable, Sendable {
        var type = "layers"
        var layers: [Digest]

        init(layers: [Digest]) { self.layers = layers }

        private enum CodingKeys: String, CodingKey {
            case type
            case layers = "diff_ids"
        }
    }

    var created: Timestamp
    var architecture: String
    var os = "linux"
    var config: Runtime?
    var rootfs: RootFilesystem
    var sojourn: Fields

    init(created: Timestamp, architecture: String, config: Runtime?, rootfs: RootFilesystem, sojourn: Fields) {
        self.created = created
        self.architecture = architecture
        self.config = config
        self.rootfs = rootfs
        self.sojourn = sojourn
    }

    private struct Version: Decodable {
        struct Fields: Decodable { var version: Int }
        var sojourn: Fields?
    }

    /// Looks at the version first: a newer configuration may have other fields.
    init(decoding bytes: [UInt8], source: String, newest: Int) throws {
        guard let version = try StrictJSON.decode(Version.self, from: bytes, source: source).sojourn?.version else {
            throw ImageFormatError(
                .invalidConfiguration, "\(source): not an image of sojourn's; its configuration lacks the key 'sojourn'"
            )
        }
        guard version <= newest else {
            throw ImageFormatError(
                .newerFormat,
                "\(source): its format has version \(version), this program knows \(newest); upgrade sojourn")
        }
        self = try StrictJSON.decode(Self.self, from: bytes, source: source)
    }
}
