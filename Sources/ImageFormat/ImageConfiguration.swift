package import GridModel
import StrictJSON

/// What a machine must have at least to run an image.
package struct ImageNeeds: Codable, Hashable, Sendable {
    package var memory: ByteCount
    package var cores: Int
    /// The least level of the instruction set (x86-64 psABI, "Micro-Architecture Levels"): 1 to 4.
    package var architectureLevel: Int

    package init(memory: ByteCount = .mebibytes(256), cores: Int = 1, architectureLevel: Int = 1) {
        self.memory = memory
        self.cores = cores
        self.architectureLevel = architectureLevel
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        memory = try container.decode(ByteCount.self, forKey: .memory)
        cores = try container.decode(Int.self, forKey: .cores)
        // Images made before it was written run everywhere.
        architectureLevel = try container.decodeIfPresent(Int.self, forKey: .architectureLevel) ?? 1
    }
}

/// What an image says about itself: an OCI image configuration with one key of ours, `sojourn`.
package struct ImageConfiguration: Equatable, Sendable {
    package static let formatVersion = 1
    /// What pid 1 may expect of a filesystem and a kernel made today.
    package static let guestInterface = 1

    /// In the OCI's words: `amd64`.
    package var architecture: String
    package var created: Timestamp
    package var environment: Environment
    /// `K=V`, sorted; the image's part of a payload's environment, with PATH.
    package var variables: [String]
    /// The filesystems, from the lowest up.
    package var layers: [Digest]
    package var guestInterface: Int
    /// The manifest of the kernel it was built with.
    package var kernel: Digest
    /// PRETTY_NAME of its os-release.
    package var systemName: String
    package var needs: ImageNeeds
    /// Commands that show that the image works.
    package var checks: [String]
    package var purpose: String?
    package var licence: String?

    package init(
        architecture: String, created: Timestamp, environment: Environment, variables: [String], layers: [Digest],
        kernel: Digest, systemName: String, needs: ImageNeeds
    ) {
        self.architecture = architecture
        self.created = created
        self.environment = environment
        self.variables = variables
        self.layers = layers
        self.guestInterface = Self.guestInterface
        self.kernel = kernel
        self.systemName = systemName
        self.needs = needs
        checks = []
    }

    private struct Fields: Codable, Sendable {
        var version: Int
        var environment: Environment
        var guestInterface: Int
        var kernel: Digest
        var systemName: String
        var needs: ImageNeeds
        var checks: [String]
        var purpose: String?
        var licence: String?
    }

    package init(decoding bytes: [UInt8], source: String) throws {
        let oci = try OCIConfiguration<Fields>(decoding: bytes, source: source, newest: Self.formatVersion)
        architecture = oci.architecture
        created = oci.created
        variables = oci.config?.variables ?? []
        layers = oci.rootfs.layers
        environment = oci.sojourn.environment
        guestInterface = oci.sojourn.guestInterface
        kernel = oci.sojourn.kernel
        systemName = oci.sojourn.systemName
        needs = oci.sojourn.needs
        checks = oci.sojourn.checks
        purpose = oci.sojourn.purpose
        licence = oci.sojourn.licence
    }

    package func encoded() throws -> [UInt8] {
        let fields = Fields(
            version: Self.formatVersion, environment: environment, guestInterface: guestInterface, kernel: kernel,
            systemName: systemName, needs: needs, checks: checks, purpose: purpose, licence: licence)
        let oci = OCIConfiguration(
            created: created, architecture: architecture, config: .init(variables: variables),
            rootfs: .init(layers: layers),
            sojourn: fields)
        return try StrictJSON.encode(oci, pretty: false)
    }
}
