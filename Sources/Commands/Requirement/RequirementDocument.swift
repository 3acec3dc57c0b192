import GridModel
import Linux
import StrictYAML

/// A requirement as YAML: a file of its own, or the `#SOJOURN` lines of a script.
enum RequirementDocument {
    static func read(_ path: String) throws -> Requirement {
        guard Files.exists(path), !Files.isDirectory(path) else {
            throw YAMLFault(file: path, line: 1, "there is no such file; write one with lines such as 'memory: 2GiB'")
        }
        return try parse(try Files.read(path, limit: YAMLReader.limit), file: path)
    }

    static func parse(_ bytes: [UInt8], file: String) throws -> Requirement {
        var reader = try YAMLReader(document: bytes, file: file, what: "a requirement", beginning: "memory: 2GiB")
        var found = Requirement()
        if let version = try reader.parsed("version", as: .quantity, Self.whole), version != Requirement.version {
            throw reader.error(
                "version", "'version: \(version)' is not known here; this sojourn knows \(Requirement.version)")
        }
        found.environment = try reader.parsed("environment", Environment.init(parsing:))
        found.os = try reader.parsed("os", Self.system)
        found.architecture = try reader.parsed("architecture", ArchitectureLevel.init(parsing:))
        found.cores = try reader.parsed("cores", as: .quantity, CoreRange.init(parsing:))
        found.memory = try reader.parsed("memory", as: .quantity, ByteRange.init(parsing:))
        found.memoryPerCore = try reader.parsed("memoryPerCore", as: .quantity, ByteRange.init(parsing:))
        found.scratch = try reader.parsed("scratch", as: .quantity, ByteRange.init(parsing:))
        found.swap = try reader.parsed("swap", as: .quantity, ByteCount.init(parsing:))
        found.wall = try reader.parsed("wall", as: .quantity, WallTime.init(parsing:))
        found.cpu = try reader.parsed("cpu", as: .quantity, WallTime.init(parsing:))
        found.network = try reader.parsed("network", NetworkProfile.init(parsing:))
        found.gpus = try reader.parsed("gpus", as: .quantity, Self.whole)
        found.output = try reader.parsed("output", as: .quantity, ByteCount.init(parsing:))
        if let conflict = found.conflict { throw reader.error(conflict.key, conflict.message) }
        try reader.finish()
        return found
    }

    static func system(_ text: String) throws -> String {
        guard Environment.isName(text) else {
            throw GridModelError(
                .invalidEnvironment, "'\(text.prefix(40))' is no system: expected its name, for example debian12")
        }
        return text
    }

    private static func whole(_ text: String) throws -> Int {
        guard let number = Int(text), number >= 0 else {
            throw GridModelError(.invalidQuantity, "'\(text.prefix(40))' is no whole number from 0 on")
        }
        return number
    }

    // MARK: Scripts

    private static let mark = Array("#SOJOURN".utf8)

    /// What a script asks for at its beginning, as batch systems read theirs: lines `#SOJOURN KEY: VALUE` before the first
    /// line that is neither a comment nor empty. Nothing where `path` is no script.
    static func ofScript(_ path: String) throws -> Requirement {
        guard path.contains("/"), Files.exists(path), !Files.isDirectory(path),
            let bytes = try? Files.readBeginning(path, bytes: YAMLReader.limit), bytes.starts(with: "#!".utf8)
        else { return Requirement() }
        var document: [UInt8] = []
        var asks = false
        for line in bytes.split(separator: 10, omittingEmptySubsequences: false) {
            let text = line.drop { $0 == 32 || $0 == 9 || $0 == 13 }
            if let first = text.first, first != 35 { break }
            if line.starts(with: mark), let next = line.dropFirst(mark.count).first, next == 32 || next == 9 {
                let text = line.dropFirst(mark.count).drop { $0 == 32 || $0 == 9 }
                guard !text.starts(with: "-".utf8) else {
                    throw YAMLFault(
                        file: path, line: 1 + document.count(where: { $0 == 10 }),
                        "a #SOJOURN line is 'KEY: VALUE', not an option; write for example '#SOJOURN memory: 2GiB'")
                }
                // Nothing in it is nested: blanks before a key mean nothing.
                document += line.dropFirst(mark.count).drop { $0 == 32 || $0 == 9 }.filter { $0 != 13 }
                asks = true
            }
            document.append(10)
        }
        return asks ? try parse(document, file: path) : Requirement()
    }
}

extension Requirement {
    /// Two fields that say the same thing in two ways.
    var conflict: (key: String, message: String)? {
        if environment != nil && os != nil {
            return ("os", "'environment' and 'os' say the same thing: give one of them")
        }
        if memory != nil && memoryPerCore != nil {
            return ("memoryPerCore", "'memory' and 'memoryPerCore' say the same thing: give one of them")
        }
        return nil
    }
}
