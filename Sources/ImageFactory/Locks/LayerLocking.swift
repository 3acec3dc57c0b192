import GridModel
import ImageFormat
import ImageStore
import Linux

/// Finds every input of a recipe as of today, by digest: the one place where a build chooses.
struct LayerLocking {
    let recipe: ImageRecipe
    let suite: SuiteChoice?
    /// The lock and the packages of what it stands on; the tree of that is unpacked.
    let base: (lock: Lock.Layer, packages: PackageList)?
    let directory: BuildDirectory
    let inputs: Inputs
    let tools: Toolbox
    let progress: (String) -> Void

    func run() throws -> Lock.Layer {
        var layer = Lock.Layer(
            name: recipe.environment.description, recipe: BlobHash.digest(of: recipe.text.bytes),
            time: base?.lock.time ?? Timestamp(seconds: 0))
        if let suite, recipe.suite != nil || !recipe.packages.isEmpty {
            try lockPackages(&layer, suite)
        }
        if case .container(let reference) = recipe.ground {
            progress("fetching the container image \(reference)")
            let container = try ContainerImage.lock(reference, beside: recipe.text.path, directory, inputs, tools)
            layer.container = container
            layer.time = try ContainerImage(container).created(inputs)
        }
        if !recipe.requirements.isEmpty {
            layer.wheels = try WheelFetcher(inputs: inputs, tools: tools, progress: progress).lock(
                recipe.requirements, for: try pythonTarget(layer), in: directory.path)
        }
        layer.files = try recipe.files.compactMap(lockFile)
        layer.snapshots = try recipe.snapshots.map { snapshot in
            if let notice = recipe.text.notice(of: snapshot.source) { progress(notice) }
            return try SnapshotArchive(
                source: snapshot.source, beside: recipe.text.path, tools: tools, progress: progress
            )
            .lock(inputs, in: directory.path)
        }
        return layer
    }

    private func lockPackages(_ layer: inout Lock.Layer, _ suite: SuiteChoice) throws {
        progress("looking at the archive of \(suite.suite)")
        let status = base == nil ? nil : "\(directory.work)/tree/var/lib/dpkg/status"
        if let status, !Files.exists(status) {
            throw ImageFactoryError(.wrongInput, "\(recipe.environment) asks for packages, but its base has no dpkg")
        }
        let apt = try AptRoot("\(directory.path)/apt", choice: suite, status: status, tools: tools)
        try apt.update()
        var wanted = recipe.packages
        if base == nil {
            wanted += ["?essential", "?priority(required)", "apt"]
            // Else usrmerge would be chosen for init-system-helpers, and bring Perl.
            if try apt.paragraph("usr-is-merged") != nil { wanted.append("usr-is-merged") }
        }
        layer.packages = try apt.packages(try apt.resolve(wanted)).sorted {
            ($0.name, $0.version) < ($1.name, $1.version)
        }
        layer.time = max(layer.time, try apt.newestRelease())
    }

    private func lockFile(_ file: FileSource) throws -> Lock.File? {
        guard case .file(let source) = file.content else { return nil }
        let path = recipe.text.path(of: source)
        guard Files.exists(path), !Files.isDirectory(path) else {
            throw ImageFactoryError(.wrongInput, "\(recipe.text.path): there is no file \(path), which 'files' names")
        }
        if let notice = recipe.text.notice(of: source) { progress(notice) }
        let (digest, size) = try inputs.keepCopy(of: path, tools: tools)
        return Lock.File(source: source, digest: digest, size: size)
    }

    /// Python and libc that wheels must fit, by the packages that there will be.
    private func pythonTarget(_ layer: Lock.Layer) throws -> PythonTarget {
        func version(_ name: String) -> String? {
            layer.packages.first { $0.name == name }?.version
                ?? base?.packages.packages.first { $0.type == .deb && $0.name == name }?.version
        }
        guard let python = version("python3"), let libc = version("libc6"),
            let target = PythonTarget(python: python, libc: libc)
        else {
            throw ImageFactoryError(
                .invalidRecipe,
                "\(recipe.text.path): 'python' needs Debian's Python in the image; add python3 to 'packages'")
        }
        return target
    }
}

extension RecipeText {
    /// What the recipe names, which lies beside it unless its path is absolute.
    func path(of name: String) -> String { name.hasPrefix("/") ? name : "\(Files.parent(of: path))/\(name)" }

    /// For who builds what somebody else wrote: what is read from outside the recipe's own directory; nil where nothing is.
    func notice(of name: String) -> String? {
        guard let own = Files.canonical(Files.parent(of: path)), let real = Files.canonical(self.path(of: name)),
            real != own, !real.hasPrefix(own == "/" ? own : "\(own)/")
        else { return nil }
        return "note: the recipe takes \(real) into the image, which is not in its own directory"
    }
}
