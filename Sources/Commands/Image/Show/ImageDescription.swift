import GridModel
import ImageFormat
import ImageStore

/// What `image show` prints of an image.
struct ImageDescription: Shown {
    struct Layer: Encodable {
        var name: String
        var digest: Digest
        var size: Int64
        var verityTree: Digest
        var verityRoot: String
    }

    var environment: Environment
    var digest: Digest
    var newest: Bool
    var system: String
    var created: Timestamp
    var kernel: Digest
    var kernelRelease: String
    var guestInterface: Int
    var needs: ImageNeeds
    var variables: [String]
    var layers: [Layer]
    var checks: [String]
    var purpose: String?
    var licence: String?

    init(_ image: StoredImage, kernel: StoredKernel) {
        environment = image.environment
        digest = image.digest
        newest = image.isNewest
        system = image.configuration.systemName
        created = image.configuration.created
        self.kernel = kernel.digest
        kernelRelease = kernel.configuration.release
        guestInterface = image.configuration.guestInterface
        needs = image.configuration.needs
        variables = image.configuration.variables
        layers = image.layers.map {
            Layer(
                name: $0.name, digest: $0.filesystem.digest, size: $0.filesystem.size,
                verityTree: $0.tree.digest, verityRoot: $0.verity.rootHash.hex)
        }
        checks = image.configuration.checks
        purpose = image.configuration.purpose
        licence = image.configuration.licence
    }

    func printForPeople() {
        var fields = [
            ("environment", "\(environment)\(newest ? "" : " (not what the name means)")"), ("digest", "\(digest)"),
            ("system", system), ("packages of", "\(created)"), ("kernel", "\(kernelRelease), \(kernel)"),
            (
                "needs",
                "\(needs.memory) of memory, \(needs.cores) core(s), x86-64-v\(needs.architectureLevel)"
            ),
        ]
        fields += layers.map {
            ("layer \($0.name)", "\($0.digest), \(ByteCount($0.size).rounded), verity root \($0.verityRoot)")
        }
        fields += variables.map { ("variable", $0) } + checks.map { ("check", $0) }
        if let purpose { fields.append(("purpose", purpose)) }
        if let licence { fields.append(("licence", licence)) }
        Output.fields(fields)
    }
}

/// What `image show` prints of a kernel.
struct KernelDescription: Shown {
    var name: String
    var digest: Digest
    var newest: Bool
    var release: String
    var debianVersion: String
    var created: Timestamp
    var guestInterface: Int
    var vmlinuz: Digest
    var modules: Digest
    var size: Int64
    /// At boot, in this order.
    var loadOrder: [String]
    /// Once the payload's environment stands.
    var lateOrder: [String]

    init(_ kernel: StoredKernel) {
        name = kernel.name
        digest = kernel.digest
        newest = kernel.isNewest
        release = kernel.configuration.release
        debianVersion = kernel.configuration.debianVersion
        created = kernel.configuration.created
        guestInterface = kernel.configuration.guestInterface
        vmlinuz = kernel.vmlinuz.digest
        modules = kernel.modules.digest
        size = kernel.size
        loadOrder = kernel.configuration.loadOrder
        lateOrder = kernel.configuration.lateOrder
    }

    func printForPeople() {
        Output.fields([
            ("kernel", "\(name)\(newest ? "" : " (not what the name means)")"), ("digest", "\(digest)"),
            ("release", release), ("package", debianVersion), ("packages of", "\(created)"),
            ("size", ByteCount(size).rounded),
            ("modules at boot", loadOrder.map(Self.moduleName).joined(separator: " ")),
            ("modules later", lateOrder.map(Self.moduleName).joined(separator: " ")),
        ])
    }

    /// `kernel/fs/erofs/erofs.ko` is erofs.
    private static func moduleName(_ path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".ko") ? String(file.dropLast(3)) : file
    }
}
