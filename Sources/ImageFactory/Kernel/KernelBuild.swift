import Archive
import Glibc
import GridModel
import ImageFormat
import ImageStore
import Linux

/// What a build of a kernel made: two files in its directory, and what is known of them.
struct BuiltKernel {
    let vmlinuz: String
    let modules: String
    let configuration: KernelConfiguration
}

/// Takes a kernel and the modules that machines need out of a Debian package. Nothing of it runs.
struct KernelBuild {
    let recipe: KernelRecipe
    let directory: String
    let tools: Toolbox
    let progress: (String) -> Void

    /// Chooses the newest package.
    func lock() throws -> Lock {
        progress("looking for \(recipe.package) in the archive of \(recipe.suite.suite)")
        let apt = try AptRoot("\(directory)/apt", choice: recipe.suite, tools: tools)
        try apt.update()
        var layer = Lock.Layer(
            name: recipe.name, recipe: BlobHash.digest(of: recipe.text.bytes), time: try apt.newestRelease())
        layer.packages = try apt.packages([try concretePackage(apt)])
        return Lock(kernel: nil, layers: [layer])
    }

    func run(_ lock: Lock.Layer, _ inputs: Inputs) throws -> BuiltKernel {
        guard let package = lock.packages.first, let file = try inputs.file(package.digest) else {
            throw ImageFactoryError(.locked, "the lock of \(recipe.name) names no package that is kept")
        }
        progress("unpacking \(package.name) \(package.version)")
        let root = "\(directory)/root"
        try tools.run(.dpkgDeb, ["-x", file, root], deadline: .seconds(300))
        // Merged /usr: newer packages have their modules below usr/lib.
        let parent = try ["lib/modules", "usr/lib/modules"].map { "\(root)/\($0)" }.first { Files.isDirectory($0) }
            .orThrow("\(package.name) has no lib/modules")
        let release = try Files.list(parent).first.orThrow("\(package.name) has no modules")
        let vmlinuz = try inside(root, "\(root)/boot/vmlinuz-\(release)")
        let set = try ModuleSet(try inside(root, "\(parent)/\(release)"), tools: tools)
        let boot = try set.order(recipe.bootModules)
        let late = try set.order(recipe.lateModules, without: boot)
        let configuration = KernelConfiguration(
            architecture: "amd64", created: lock.time, name: recipe.name, release: release,
            debianVersion: package.version, loadOrder: boot, lateOrder: late)
        let archive = "\(directory)/modules.cpio"
        try write(configuration, from: set, to: archive)
        return BuiltKernel(vmlinuz: vmlinuz, modules: archive, configuration: configuration)
    }

    /// A path of the unpacked package as it is without links: one that leads out of the package would be a file of this host.
    private func inside(_ root: String, _ path: String) throws -> String {
        guard let base = Files.canonical(root), let real = Files.canonical(path), real.hasPrefix("\(base)/") else {
            throw ImageFactoryError(
                .unsuitableKernel,
                "the kernel's package has no \(path.dropFirst(root.count)), or a link there that leads out of it")
        }
        return real
    }

    /// Follows the dependency of a package like linux-image-cloud-amd64, which holds nothing itself.
    private func concretePackage(_ apt: AptRoot) throws -> (name: String, version: String) {
        var name = recipe.package
        for _ in 0..<3 {
            let paragraph = try apt.paragraph(name).orThrow(
                "the archive of \(recipe.suite.suite) has no package \(name)")
            let dependencies = (paragraph["depends"] ?? "").split(separator: ",").map {
                $0.prefix { $0 != "(" }.filter { $0 != " " }
            }
            if let next = dependencies.first(where: { $0.hasPrefix("linux-image-") }) {
                name = next
                continue
            }
            return (name, try paragraph["version"].orThrow("\(name) has no version"))
        }
        throw ImageFactoryError(.unsuitableKernel, "\(recipe.package) depends on no package with a kernel")
    }

    private func write(_ configuration: KernelConfiguration, from set: ModuleSet, to path: String) throws {
        let output = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL)
        let writer = CpioWriter { try output.write($0) }
        let base = "lib/modules/\(configuration.release)"
        let paths = configuration.loadOrder + configuration.lateOrder
        var directories: Set<String> = ["lib", "lib/modules", base]
        for path in paths {
            var parent = Files.parent(of: "\(base)/\(path)")
            while directories.insert(parent).inserted { parent = Files.parent(of: parent) }
        }
        for directory in directories.sorted() { try writer.append(directory: directory) }
        func list(_ paths: [String]) -> [UInt8] { Array(paths.map { "/\(base)/\($0)\n" }.joined().utf8) }
        try writer.append(file: "lib/modules/load-order", contents: list(configuration.loadOrder))
        try writer.append(file: "lib/modules/late-order", contents: list(configuration.lateOrder))
        for path in paths.sorted() { try writer.append(file: "\(base)/\(path)", contents: try set.contents(path)) }
        try writer.finish()
        try output.synchronise()
        try check(path)
    }

    /// By the rule that every import follows too.
    private func check(_ path: String) throws {
        let file = try Descriptor.open(path, O_RDONLY)
        _ = try ModulesArchive(checking: { try file.read(upTo: $0) ?? [] })
    }
}

extension Optional {
    /// For what a kernel's package must have.
    fileprivate func orThrow(_ message: String) throws -> Wrapped {
        guard let self else { throw ImageFactoryError(.unsuitableKernel, message) }
        return self
    }
}
