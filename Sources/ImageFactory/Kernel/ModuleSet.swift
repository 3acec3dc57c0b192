import Linux

/// The modules of one kernel, unpacked: finds those that a recipe names, what they need, and the order to load them in.
struct ModuleSet {
    /// `…/lib/modules/RELEASE`.
    private let directory: String
    private let tools: Toolbox
    /// Paths relative to `directory`, by normalised name.
    private let paths: [String: String]
    private let builtIn: Set<String>

    init(_ directory: String, tools: Toolbox) throws {
        self.directory = directory
        self.tools = tools
        var paths: [String: String] = [:]
        try Self.walk(directory, "kernel") { paths[Self.name(of: $0)] = $0 }
        self.paths = paths
        guard !Files.isLink("\(directory)/modules.builtin") else {
            throw ImageFactoryError(.unsuitableKernel, "modules.builtin of the kernel's package is a link")
        }
        let list = String(decoding: try Files.read("\(directory)/modules.builtin", limit: 4 << 20), as: UTF8.self)
        builtIn = Set(list.split(separator: "\n").map { Self.name(of: String($0)) })
    }

    /// The named modules and their dependencies, each after what it needs, as paths without a suffix of compression.
    func order(_ names: [String], without loaded: [String] = []) throws -> [String] {
        var order: [String] = []
        var seen = Set(loaded.map(Self.name))
        func add(_ name: String, neededBy parent: String?) throws {
            guard seen.insert(name).inserted else { return }
            if builtIn.contains(name) { return }
            guard let path = paths[name] else {
                let remedy = parent.map { "which \($0) needs" } ?? "which the recipe names; take it out of 'modules'"
                throw ImageFactoryError(.unsuitableKernel, "this kernel has no module \(name), \(remedy)")
            }
            let module = try ModuleFile(try contents(path), name: name)
            // A soft dependency may be a name that only modprobe's aliases know.
            for soft in module.softDependencies where paths[soft] != nil { try add(soft, neededBy: name) }
            for dependency in module.dependencies { try add(dependency, neededBy: name) }
            order.append(Self.uncompressed(path))
        }
        for name in names { try add(ModuleFile.normalised(name), neededBy: nil) }
        return order
    }

    /// A module's file, decompressed, by a path of `order`.
    func contents(_ path: String) throws -> [UInt8] {
        let path = paths[Self.name(of: path)] ?? path
        let file = "\(directory)/\(path)"
        if path.hasSuffix(".xz") { return try tools.bytes(.unxz, ["-dc", file]) }
        if path.hasSuffix(".zst") { return try tools.bytes(.unzstd, ["-dc", file]) }
        return try Files.read(file, limit: 64 << 20)
    }

    private static func uncompressed(_ path: String) -> String {
        for suffix in [".xz", ".zst"] where path.hasSuffix(suffix) { return String(path.dropLast(suffix.count)) }
        return path
    }

    private static func name(of path: String) -> String {
        let file = uncompressed(Files.name(of: path))
        return ModuleFile.normalised(file.hasSuffix(".ko") ? String(file.dropLast(3)) : file)
    }

    private static func walk(_ directory: String, _ path: String, found: (String) -> Void) throws {
        for name in try Files.list("\(directory)/\(path)") {
            let below = "\(path)/\(name)"
            // A link may lead out of the package, or in a circle.
            switch try FileStatus("\(directory)/\(below)").kind {
            case .directory: try walk(directory, below, found: found)
            case .file where uncompressed(name).hasSuffix(".ko"): found(below)
            default: break
            }
        }
    }
}
