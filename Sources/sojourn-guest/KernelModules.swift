import Linux

/// Modules of the kernel artifact, in the order of one of its lists.
struct KernelModules {
    private var files: [(path: String, file: Descriptor)]

    /// Opens what a list names, to be loaded when its directory is out of reach; no list, no modules.
    static func open(_ list: String) throws -> KernelModules {
        guard Files.exists(list) else { return KernelModules(files: []) }
        let text = String(decoding: try Files.read(list, limit: 1 << 20), as: UTF8.self)
        let paths = text.split(separator: "\n").map { $0.hasPrefix("/") ? String($0) : "/\($0)" }
        return KernelModules(files: try paths.map { ($0, try Descriptor.open($0, 0)) })
    }

    static func load(_ list: String) throws {
        var modules = try open(list)
        try modules.load()
    }

    mutating func load() throws {
        for (path, file) in files { try Boot.loadModule(file, named: path) }
        files = []
    }
}
