import ImageStore
import Yams

/// Reads one mapping of a recipe strictly. Every complaint names file and line and says what is expected.
struct RecipeReader {
    let file: String
    private let node: Node
    private let mapping: Node.Mapping
    /// The keys asked for so far: what is left at the end is unknown.
    private var known: [String] = []

    /// `what` names the mapping in messages.
    init(_ node: Node, file: String, what: String) throws {
        guard case .mapping(let mapping) = node else {
            throw Self.error(file, node, "\(what) must be a list of 'key: value' lines")
        }
        self.file = file
        self.node = node
        self.mapping = mapping
    }

    static func error(_ file: String, _ node: Node?, _ message: String) -> ImageFactoryError {
        ImageFactoryError(.invalidRecipe, "\(file):\(node?.mark?.line ?? 1): \(message)")
    }

    func error(_ key: String?, _ message: String) -> ImageFactoryError {
        Self.error(file, key.flatMap { mapping[Node($0)] } ?? node, message)
    }

    private mutating func value(_ key: String) -> Node? {
        known.append(key)
        return mapping[Node(key)]
    }

    mutating func string(_ key: String) throws -> String? {
        guard let node = value(key) else { return nil }
        return try Self.scalar(node, file: file, what: "'\(key)'")
    }

    mutating func required(_ key: String, example: String) throws -> String {
        guard let text = try string(key) else {
            throw error(nil, "the key '\(key)' is missing; add for example '\(key): \(example)'")
        }
        return text
    }

    mutating func boolean(_ key: String) throws -> Bool {
        switch try string(key) {
        case nil, "false": return false
        case "true": return true
        default: throw error(key, "'\(key)' must be true or false")
        }
    }

    /// A text that a type of the domain understands.
    mutating func parsed<Value>(_ key: String, _ parse: (String) throws -> Value) throws -> Value? {
        guard let text = try string(key) else { return nil }
        do { return try parse(text) } catch { throw self.error(key, "'\(key)': \(error)") }
    }

    mutating func strings(_ key: String, matching isValid: (String) -> Bool = { _ in true }) throws -> [String] {
        try nodes(key).map { node in
            let text = try Self.scalar(node, file: file, what: "an entry of '\(key)'")
            guard isValid(text) else { throw Self.error(file, node, "'\(text)' is no valid entry of '\(key)'") }
            return text
        }
    }

    mutating func nodes(_ key: String) throws -> [Node] {
        guard let node = value(key) else { return [] }
        guard case .sequence(let sequence) = node else {
            throw Self.error(file, node, "'\(key)' must be a list: one '- entry' line for each, or [a, b]")
        }
        return Array(sequence)
    }

    mutating func dictionary(_ key: String) throws -> [String: String] {
        guard let node = value(key) else { return [:] }
        guard case .mapping(let mapping) = node else {
            throw Self.error(file, node, "'\(key)' must be a list of 'NAME: value' lines")
        }
        var result: [String: String] = [:]
        for (name, value) in mapping {
            let name = try Self.scalar(name, file: file, what: "a name in '\(key)'")
            result[name] = try Self.scalar(value, file: file, what: "'\(name)' in '\(key)'")
        }
        return result
    }

    /// A mapping inside this one.
    mutating func reader(_ key: String) throws -> RecipeReader? {
        try value(key).map { try RecipeReader($0, file: file, what: "'\(key)'") }
    }

    /// Refuses keys that nobody asked for.
    func finish() throws {
        for (key, _) in mapping {
            let name = try Self.scalar(key, file: file, what: "a key")
            guard known.contains(name) else {
                throw Self.error(file, key, "unknown key '\(name)'; \(NearestNames.hint(for: name, among: known))")
            }
        }
    }

    private static func scalar(_ node: Node, file: String, what: String) throws -> String {
        guard case .scalar(let scalar) = node else {
            throw error(file, node, "\(what) must be a single value, not a list")
        }
        guard !scalar.string.isEmpty, !scalar.string.utf8.contains(where: { $0 < 32 && $0 != 10 || $0 == 127 }) else {
            throw error(file, node, "\(what) is empty or holds control characters")
        }
        return scalar.string
    }
}
