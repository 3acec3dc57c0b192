import GridModel
import Yams

/// Reads one mapping of a document strictly. Every complaint is a `YAMLFault` that names file and line and says what is
/// expected.
package struct YAMLReader {
    package let file: String
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

    static func error(_ file: String, _ node: Node?, _ message: String) -> YAMLFault {
        YAMLFault(file: file, line: node?.mark?.line ?? 1, message)
    }

    package func error(_ key: String?, _ message: String) -> YAMLFault {
        Self.error(file, key.flatMap { mapping[Node($0)] } ?? node, message)
    }

    /// Where the mapping begins, from 1.
    package var line: Int { node.mark?.line ?? 1 }

    package func has(_ key: String) -> Bool { mapping[Node(key)] != nil }

    private mutating func value(_ key: String) -> Node? {
        known.append(key)
        return mapping[Node(key)]
    }

    package mutating func string(_ key: String, as kind: YAMLScalar = .text) throws -> String? {
        guard let node = value(key) else { return nil }
        return try kind.text(of: node, file: file, what: "'\(key)'")
    }

    package mutating func required(_ key: String, as kind: YAMLScalar = .text, example: String) throws -> String {
        guard let text = try string(key, as: kind) else {
            throw error(nil, "the key '\(key)' is missing; add for example '\(key): \(example)'")
        }
        return text
    }

    package mutating func boolean(_ key: String) throws -> Bool {
        guard let node = value(key) else { return false }
        guard let value = YAMLScalar.boolean(node) else {
            throw error(key, "'\(key)' must be true or false, without quotes")
        }
        return value
    }

    /// A text that a type of the domain understands.
    package mutating func parsed<Value>(
        _ key: String, as kind: YAMLScalar = .text, _ parse: (String) throws -> Value
    ) throws -> Value? {
        guard let text = try string(key, as: kind) else { return nil }
        do { return try parse(text) } catch { throw self.error(key, "'\(key)': \(error)") }
    }

    /// As `parsed`, where the key must be there.
    package mutating func required<Value>(
        _ key: String, example: String, _ parse: (String) throws -> Value
    ) throws -> Value {
        let text = try required(key, example: example)
        do { return try parse(text) } catch { throw self.error(key, "'\(key)': \(error)") }
    }

    /// A list of texts that a type of the domain understands; empty where the key is not there.
    package mutating func list<Value>(
        _ key: String, as kind: YAMLScalar = .text, _ parse: (String) throws -> Value
    ) throws -> [Value] {
        try nodes(key).map { node in
            let text = try kind.text(of: node, file: file, what: "an entry of '\(key)'")
            do { return try parse(text) } catch { throw Self.error(file, node, "'\(key)': \(error)") }
        }
    }

    /// A list of mappings; `build` takes what it wants of each, and the rest is refused.
    package mutating func readers<Value>(
        _ key: String, _ build: (inout YAMLReader) throws -> Value
    ) throws -> [Value] {
        try nodes(key).map { node in
            var entry = try YAMLReader(node, file: file, what: "an entry of '\(key)'")
            let value = try build(&entry)
            try entry.finish()
            return value
        }
    }

    private mutating func nodes(_ key: String) throws -> [Node] {
        guard let node = value(key) else { return [] }
        guard case .sequence(let sequence) = node else {
            throw Self.error(file, node, "'\(key)' must be a list: one '- entry' line for each, or [a, b]")
        }
        return Array(sequence)
    }

    package mutating func dictionary(_ key: String) throws -> [String: String] {
        guard let node = value(key) else { return [:] }
        guard case .mapping(let mapping) = node else {
            throw Self.error(file, node, "'\(key)' must be a list of 'NAME: value' lines")
        }
        var result: [String: String] = [:]
        for (name, value) in mapping {
            let name = try YAMLScalar.key.text(of: name, file: file, what: "a name in '\(key)'")
            result[name] = try YAMLScalar.quantity.text(of: value, file: file, what: "'\(name)' in '\(key)'")
        }
        return result
    }

    /// A mapping inside this one.
    package mutating func reader(_ key: String) throws -> YAMLReader? {
        try value(key).map { try YAMLReader($0, file: file, what: "'\(key)'") }
    }

    /// Refuses keys that nobody asked for.
    package func finish() throws {
        for (key, _) in mapping {
            let name = try YAMLScalar.key.text(of: key, file: file, what: "a key")
            guard known.contains(name) else {
                throw Self.error(file, key, "unknown key '\(name)'; \(NearestNames.hint(for: name, among: known))")
            }
        }
    }
}
