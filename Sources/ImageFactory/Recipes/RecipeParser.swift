import GridModel
import ImageFormat
import Yams

extension Recipe {
    /// Parses a recipe file; `text.path` appears in messages.
    package init(parsing text: RecipeText) throws {
        let file = text.path
        guard text.bytes.count <= 1 << 18, let yaml = String(validating: text.bytes, as: UTF8.self) else {
            throw ImageFactoryError(.invalidRecipe, "\(file):1: a recipe is UTF-8 text of at most 256 KiB")
        }
        let root: Node
        do {
            guard let composed = try Yams.compose(yaml: yaml) else {
                throw ImageFactoryError(.invalidRecipe, "\(file):1: the recipe is empty; begin with 'name: …'")
            }
            root = composed
        } catch let error as YamlError {
            throw ImageFactoryError(.invalidRecipe, "\(file):\(error.line ?? 1): this is no valid YAML: \(error)")
        }
        var reader = try RecipeReader(root, file: file, what: "a recipe")
        switch try reader.string("kind") {
        case nil, "image": self = .image(try ImageRecipe(&reader, text: text))
        case "kernel": self = .kernel(try KernelRecipe(&reader, text: text))
        case let other?: throw reader.error("kind", "'kind: \(other)' is not known; write image or kernel")
        }
        try reader.finish()
    }
}

extension YamlError {
    fileprivate var line: Int? {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }
}

extension ImageRecipe {
    fileprivate init(_ reader: inout RecipeReader, text: RecipeText) throws {
        _ = try reader.required("name", example: "os/debian12")
        guard let environment = try reader.parsed("name", Environment.init(parsing:)) else {
            preconditionFailure("required above")
        }
        self.environment = environment
        base = try reader.parsed("on", Environment.init(parsing:))
        suite = try SuiteChoice(&reader, required: base == nil)
        packages = try reader.strings("packages", matching: isPackageName)
        wheels = try Self.wheels(&reader)
        variables = try reader.dictionary("environment")
        checks = try reader.strings("check")
        needs = try Self.needs(&reader)
        purpose = try reader.string("purpose")
        licence = try reader.string("licence")
        kernel = try reader.parsed("kernel", kernelName)
        texts = [text]
        if let name = variables.keys.sorted().first(where: { !isVariableName($0) }) {
            throw reader.error("environment", "'\(name)' is no name of an environment variable")
        }
        if base == nil && kernel == nil {
            throw reader.error(nil, "the key 'kernel' is missing; add for example 'kernel: kernel-debian12'")
        }
        if let base, base.software != nil || base.os != environment.os {
            throw reader.error("on", "'on' must be the system of '\(environment)': os/\(environment.os)")
        }
        if environment.software == nil && base != nil {
            throw reader.error("on", "'\(environment)' is a system, which stands on nothing; remove 'on'")
        }
        if environment.software != nil && base == nil {
            throw reader.error(
                nil, "the key 'on' is missing; software stands on a system: add 'on: os/\(environment.os)'")
        }
    }

    private static func wheels(_ reader: inout RecipeReader) throws -> [PythonWheel] {
        try reader.nodes("python").map { node in
            var entry = try RecipeReader(node, file: reader.file, what: "an entry of 'python'")
            let pin = try entry.required("wheel", example: "pythia8mc==8.317.2")
            let tag = try entry.required("tag", example: "cp311-cp311-manylinux_2_17_x86_64")
            _ = try entry.required("sha256", example: "64 digits")
            let digest = try entry.parsed("sha256") { try Digest(parsing: "sha256:\($0)") }
            try entry.finish()
            let halves = pin.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard halves.count == 3, halves[1].isEmpty, Environment.isName(halves[0]), Environment.isName(halves[2])
            else {
                throw entry.error("wheel", "'\(pin)' is not pinned; write NAME==VERSION")
            }
            let parts = tag.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].hasPrefix("cp3"), Int(parts[0].dropFirst(3)) != nil,
                parts.allSatisfy({
                    $0.utf8.count <= 200 && $0.split(separator: ".").allSatisfy(Environment.isName) && !$0.isEmpty
                })
            else {
                throw entry.error(
                    "tag",
                    "'\(tag)' is no tag of a wheel for CPython 3; expected for example cp311-cp311-manylinux_2_17_x86_64"
                )
            }
            guard let digest else { preconditionFailure("required above") }
            return PythonWheel(name: halves[0], version: halves[2], tag: tag, digest: digest)
        }
    }

    private static func needs(_ reader: inout RecipeReader) throws -> ImageNeeds? {
        guard var entry = try reader.reader("needs") else { return nil }
        let memory = try entry.parsed("memory", ByteCount.init(parsing:))
        let cores = try entry.parsed("cores", CoreRange.init(parsing:))
        try entry.finish()
        return ImageNeeds(memory: memory ?? ImageNeeds().memory, cores: cores?.least ?? 1)
    }
}

extension KernelRecipe {
    fileprivate init(_ reader: inout RecipeReader, text: RecipeText) throws {
        _ = try reader.required("name", example: "kernel-debian12")
        guard let name = try reader.parsed("name", kernelName), let suite = try SuiteChoice(&reader, required: true)
        else {
            preconditionFailure("required above")
        }
        self.name = name
        self.suite = suite
        package = try reader.required("package", example: "linux-image-cloud-amd64")
        guard isPackageName(package) else { throw reader.error("package", "'\(package)' is no name of a package") }
        guard var modules = try reader.reader("modules") else {
            throw reader.error(nil, "the key 'modules' is missing; add 'modules:' with lists 'boot' and 'late'")
        }
        bootModules = try modules.strings("boot", matching: Environment.isName)
        lateModules = try modules.strings("late", matching: Environment.isName)
        try modules.finish()
        purpose = try reader.string("purpose")
        licence = try reader.string("licence")
        self.text = text
    }
}

extension SuiteChoice {
    fileprivate init?(_ reader: inout RecipeReader, required: Bool) throws {
        let suite = try required ? reader.required("suite", example: "bookworm") : reader.string("suite")
        components = try reader.strings("components", matching: Environment.isName)
        acceptsEndOfLife = try reader.boolean("acceptEndOfLife")
        guard let suite else {
            guard components.isEmpty, !acceptsEndOfLife else {
                throw reader.error(nil, "'components' and 'acceptEndOfLife' belong to a 'suite', which 'on' gives here")
            }
            return nil
        }
        guard Environment.isName(suite) else {
            throw reader.error("suite", "'\(suite)' is no name of a suite, for example bookworm")
        }
        self.suite = suite
        if components.isEmpty { components = ["main"] }
    }
}

/// Debian Policy 5.6.1.
private func isPackageName(_ text: String) -> Bool {
    text.utf8.count >= 2 && text.utf8.count <= 128 && text.utf8.first != 45
        && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || [43, 45, 46].contains($0) }
}

private func isVariableName(_ text: String) -> Bool {
    !(48...57).contains(text.utf8.first ?? 48)
        && text.utf8.allSatisfy {
            (65...90).contains($0) || (97...122).contains($0) || (48...57).contains($0) || $0 == 95
        }
}

private func kernelName(_ text: String) throws -> String {
    guard Environment.isName(text), text.hasPrefix("kernel-") else {
        throw ImageFactoryError(
            .invalidRecipe, "'\(text)' is no name of a kernel; expected for example kernel-debian12")
    }
    return text
}
