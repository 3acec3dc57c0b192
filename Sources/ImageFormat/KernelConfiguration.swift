package import GridModel
import StrictJSON

/// What a kernel artifact says about itself, in an OCI image configuration's key `sojourn`.
package struct KernelConfiguration: Equatable, Sendable {
    package static let formatVersion = 1

    package var architecture: String
    package var created: Timestamp
    /// The recipe's name: `kernel-debian12`.
    package var name: String
    /// `uname -r` of a machine that runs it.
    package var release: String
    package var debianVersion: String
    package var guestInterface: Int
    /// Modules to load at boot, in this order; paths relative to `lib/modules/RELEASE/`.
    package var loadOrder: [String]
    /// Modules to load once the payload's environment stands, in this order.
    package var lateOrder: [String]
    /// The digests of kernel and modules archive.
    package var parts: [Digest]

    package init(
        architecture: String, created: Timestamp, name: String, release: String, debianVersion: String,
        loadOrder: [String],
        lateOrder: [String]
    ) {
        self.architecture = architecture
        self.created = created
        self.name = name
        self.release = release
        self.debianVersion = debianVersion
        self.guestInterface = ImageConfiguration.guestInterface
        self.loadOrder = loadOrder
        self.lateOrder = lateOrder
        parts = []
    }

    private struct Fields: Codable, Sendable {
        var version: Int
        var name: String
        var release: String
        var debianVersion: String
        var guestInterface: Int
        var loadOrder: [String]
        var lateOrder: [String]
    }

    package init(decoding bytes: [UInt8], source: String) throws {
        let oci = try OCIConfiguration<Fields>(decoding: bytes, source: source, newest: Self.formatVersion)
        architecture = oci.architecture
        created = oci.created
        parts = oci.rootfs.layers
        name = oci.sojourn.name
        release = oci.sojourn.release
        debianVersion = oci.sojourn.debianVersion
        guestInterface = oci.sojourn.guestInterface
        loadOrder = oci.sojourn.loadOrder
        lateOrder = oci.sojourn.lateOrder
    }

    package func encoded() throws -> [UInt8] {
        let fields = Fields(
            version: Self.formatVersion, name: name, release: release, debianVersion: debianVersion,
            guestInterface: guestInterface, loadOrder: loadOrder, lateOrder: lateOrder)
        let oci = OCIConfiguration(
            created: created, architecture: architecture, config: nil, rootfs: .init(layers: parts), sojourn: fields)
        return try StrictJSON.encode(oci, pretty: false)
    }
}
