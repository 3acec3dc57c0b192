import GridModel
import ImageFormat
import ImageTree
import StrictYAML

extension ImageRecipe {
    init(_ reader: inout YAMLReader, text: RecipeText) throws {
        environment = try reader.required("name", example: "os/debian12", RecipeName.environment)
        ground = try Self.ground(of: environment, &reader)
        packages = try reader.list("packages", RecipeName.package)
        requirements = try reader.list("python", PythonRequirement.init(parsing:))
        permitted = try Exemptions(&reader)
        files = try Self.files(&reader, permitted: permitted)
        snapshots = try Self.snapshots(&reader)
        scripts = try reader.list("build", as: .script) { $0 }
        limits = try BuildLimits(&reader)
        variables = try reader.dictionary("environment")
        checks = try reader.list("check", as: .script) { $0 }
        needs = try Self.needs(&reader)
        purpose = try reader.string("purpose")
        licence = try reader.string("licence")
        kernel = try reader.parsed("kernel", RecipeName.kernel)
        self.text = text
        do { try PythonRequirement.checkTogether(requirements) } catch {
            throw reader.error("python", "'python': \(error)")
        }
        if let name = variables.keys.sorted().first(where: { !RecipeName.isVariable($0) }) {
            throw reader.error("environment", "'\(name)' is no name of an environment variable")
        }
        if base == nil && kernel == nil {
            throw reader.error(nil, "the key 'kernel' is missing; add for example 'kernel: kernel-debian12'")
        }
        if case .container = ground, !packages.isEmpty {
            throw reader.error(
                "packages",
                "'packages' come from Debian's archive, and a container image need not be Debian; install them "
                    + "where the container is made, or write 'on: os/\(environment.os)' instead of 'from'")
        }
    }

    /// Exactly one of three keys says where the filesystem begins; which, depends on what the recipe is for.
    private static func ground(of environment: Environment, _ reader: inout YAMLReader) throws -> Ground {
        let base = try reader.parsed("on", RecipeName.environment)
        let suite = try SuiteChoice(&reader)
        let container = try reader.parsed("from", RecipeName.container)
        let given = ["suite", "on", "from"].filter(reader.has)
        let isSystem = environment.software == nil
        let choice =
            isSystem
            ? "'suite: bookworm' for packages of Debian, or 'from: docker://NAME' for a container image"
            : "'on: os/\(environment.os)' for software on a system, or 'from: docker://NAME' for a container image"
        guard given.count <= 1 else {
            let keys = given.map { "'\($0)'" }.joined(separator: " and ")
            throw reader.error(given[1], "\(keys) exclude each other; keep one: \(choice)")
        }
        if let base {
            guard !isSystem else {
                throw reader.error("on", "'\(environment)' is a system, which stands on nothing; write \(choice)")
            }
            guard base.software == nil, base.os == environment.os else {
                throw reader.error("on", "'on' must be the system of '\(environment)': os/\(environment.os)")
            }
            return .base(base)
        }
        if let suite {
            guard isSystem else {
                throw reader.error(
                    "suite", "'\(environment)' is software, which has no suite of its own; write \(choice)")
            }
            return .suite(suite)
        }
        guard let container else {
            throw reader.error(nil, "a key is missing that says what this stands on; add \(choice)")
        }
        return .container(container)
    }

    private static func files(_ reader: inout YAMLReader, permitted: Exemptions) throws -> [FileSource] {
        var seen: Set<String> = []
        return try reader.readers("files") { entry in
            let path = try entry.required("path", example: "/etc/site.conf", RecipePath.inImage)
            let content = try entry.string("content", as: .content)
            let source = try entry.parsed("from", RecipePath.onHost)
            let mode = try entry.parsed("mode", mode) ?? 0o644
            guard seen.insert(path).inserted else { throw entry.error("path", "'\(path)' is given twice; remove one") }
            guard mode & 0o6000 == 0 || permitted.setUserID.contains(path) else {
                throw entry.error(
                    "mode",
                    "mode \(String(mode, radix: 8)) has a set-user-ID or set-group-ID bit; if that must be, list "
                        + "'\(path)' in 'permit: setUserID:' too")
            }
            switch (content, source) {
            case (let text?, nil): return FileSource(path: path, content: .text(text), mode: mode)
            case (nil, let source?): return FileSource(path: path, content: .file(source), mode: mode)
            case (nil, nil):
                throw entry.error(
                    nil, "'\(path)' has nothing in it; add 'content: …', or 'from: FILE' with a file beside the recipe")
            default: throw entry.error("from", "'content' and 'from' exclude each other; keep one")
            }
        }
    }

    private static func mode(_ text: String) throws -> UInt16 {
        guard text.utf8.count == 4, text.utf8.allSatisfy({ (48...55).contains($0) }), let mode = UInt16(text, radix: 8)
        else {
            throw ImageFactoryError(.invalidRecipe, "'\(text)' is no mode; write four octal digits in quotes: '0755'")
        }
        return mode
    }

    private static func snapshots(_ reader: inout YAMLReader) throws -> [SnapshotSource] {
        var seen: Set<String> = []
        return try reader.readers("snapshot") { entry in
            let source = try RecipePath.onHost(try entry.required("from", example: "build/install"))
            let destination = try entry.required("to", example: "/opt/software", RecipePath.inImage)
            guard seen.insert(destination).inserted else {
                throw entry.error("to", "'\(destination)' is given twice; join the snapshots, or place them apart")
            }
            return SnapshotSource(source: source, destination: destination)
        }
    }

    private static func needs(_ reader: inout YAMLReader) throws -> ImageNeeds? {
        guard var entry = try reader.reader("needs") else { return nil }
        var needs = ImageNeeds()
        if let memory = try entry.parsed("memory", as: .quantity, ByteCount.init(parsing:)) { needs.memory = memory }
        if let cores = try entry.parsed("cores", as: .quantity, CoreRange.init(parsing:)) { needs.cores = cores.least }
        if let level = try entry.parsed("architecture", architectureLevel) { needs.architectureLevel = level }
        try entry.finish()
        return needs
    }

    private static func architectureLevel(_ text: String) throws -> Int {
        guard let level = (1...4).first(where: { "x86-64-v\($0)" == text }) else {
            throw ImageFactoryError(
                .invalidRecipe, "'\(text)' is no level of the instruction set; write x86-64-v1, -v2, -v3 or -v4")
        }
        return level
    }
}

extension BuildLimits {
    /// What a recipe gets that says nothing.
    package static let standard = BuildLimits(
        time: WallTime(seconds: 3600), disk: .gibibytes(20), memory: .gibibytes(4))

    fileprivate init(_ reader: inout YAMLReader) throws {
        self = .standard
        guard var entry = try reader.reader("limits") else { return }
        if let time = try entry.parsed("time", as: .quantity, WallTime.init(parsing:)) { self.time = time }
        if let disk = try entry.parsed("disk", as: .quantity, Self.size) { self.disk = disk }
        if let memory = try entry.parsed("memory", as: .quantity, Self.size) { self.memory = memory }
        try entry.finish()
    }

    private static func size(_ text: String) throws -> ByteCount {
        let size = try ByteCount(parsing: text)
        guard size >= .mebibytes(1) else {
            throw ImageFactoryError(.invalidRecipe, "'\(text)' is less than any build needs; write for example 4GiB")
        }
        return size
    }
}

extension Exemptions {
    fileprivate init(_ reader: inout YAMLReader) throws {
        self.init()
        guard var entry = try reader.reader("permit") else { return }
        setUserID = Set(try entry.list("setUserID", RecipePath.inImage))
        capabilities = Set(try entry.list("capabilities", RecipePath.inImage))
        secrets = Set(try entry.list("secrets", RecipePath.inImageOrBelow))
        try entry.finish()
    }
}
