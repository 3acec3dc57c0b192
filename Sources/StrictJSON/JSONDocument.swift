/// One sound JSON text and where its values lie, without copies of them: for large documents, and for such as are signed.
package struct JSONDocument: Sendable {
    /// Of all elements together: a copy of one counts one reference, not one to each part.
    private final class Storage: Sendable {
        let bytes: [UInt8]
        let source: String
        let node: JSONNode

        init(_ bytes: [UInt8], _ source: String, _ node: JSONNode) {
            self.bytes = bytes
            self.source = source
            self.node = node
        }
    }

    private let storage: Storage

    package var bytes: [UInt8] { storage.bytes }
    /// Names it in errors.
    package var source: String { storage.source }

    /// Refuses what `StrictJSON.decode` refuses of the form.
    package init(_ bytes: [UInt8], limits: StrictJSON.Limits = .default, source: String) throws {
        guard bytes.count <= limits.bytes else {
            throw StrictJSONError(
                .tooLarge, "\(source): \(bytes.count) bytes, more than the \(limits.bytes) bytes allowed")
        }
        var scanner = Scanner(bytes, depthLimit: limits.depth)
        do { storage = Storage(bytes, source, try scanner.document()) } catch let fault as Scanner.Fault {
            let (line, column) = scanner.position(of: fault.offset)
            throw StrictJSONError(fault.code, "\(source), line \(line), column \(column): \(fault.reason)")
        }
    }

    package var root: JSONElement { JSONElement(document: self, node: storage.node) }
}

/// Where a value of a document lies.
struct JSONNode: Sendable {
    struct Member: Sendable {
        let key: StringToken
        let value: JSONNode
    }

    enum Kind: Sendable {
        case null
        case bool(Bool)
        case number(end: Int)
        case string(StringToken)
        case array([JSONNode])
        case object([Member])
    }

    let offset: Int
    let kind: Kind
}

/// A value of a document: read as what is expected, or refused with its place.
package struct JSONElement: Sendable {
    let document: JSONDocument
    let node: JSONNode

    /// The member of an object; nil where there is none.
    package func member(_ key: String) throws -> JSONElement? {
        guard case .object(let members) = node.kind else { throw refusal("expected an object") }
        return members.first { says($0.key, key) }.map { JSONElement(document: document, node: $0.value) }
    }

    package func required(_ key: String) throws -> JSONElement {
        guard let element = try member(key) else { throw refusal("the key '\(key)' is missing") }
        return element
    }

    /// An object's, in the order of the text.
    package func members() throws -> [(key: String, value: JSONElement)] {
        guard case .object(let members) = node.kind else { throw refusal("expected an object") }
        return members.map { ($0.key.text(in: document.bytes), JSONElement(document: document, node: $0.value)) }
    }

    package func elements() throws -> [JSONElement] {
        guard case .array(let nodes) = node.kind else { throw refusal("expected an array") }
        return nodes.map { JSONElement(document: document, node: $0) }
    }

    package func text() throws -> String {
        guard case .string(let token) = node.kind else { throw refusal("expected a string") }
        return token.text(in: document.bytes)
    }

    package func bool() throws -> Bool {
        guard case .bool(let value) = node.kind else { throw refusal("expected true or false") }
        return value
    }

    /// A whole number of 64 bits, written without fraction or exponent.
    package func integer() throws -> Int64 {
        guard case .number(let end) = node.kind,
            let value = Int64(String(decoding: document.bytes[node.offset..<end], as: UTF8.self))
        else { throw refusal("expected a whole number") }
        return value
    }

    /// Says what is wrong with this value, and where it is.
    package func refusal(_ reason: String) -> StrictJSONError {
        // Whoever goes on after a refusal may come here often: far inside a long document lines are not counted.
        guard node.offset <= 1 << 20 else {
            return StrictJSONError(.unexpected, "\(document.source), byte \(node.offset): \(reason)")
        }
        let (line, column) = Scanner(document.bytes, depthLimit: 0).position(of: node.offset)
        return StrictJSONError(.unexpected, "\(document.source), line \(line), column \(column): \(reason)")
    }

    private func says(_ token: StringToken, _ text: String) -> Bool {
        if token.hasEscapes { return token.text(in: document.bytes) == text }
        return token.range.count == text.utf8.count
            && document.bytes.withUnsafeBufferPointer { $0[token.range].elementsEqual(text.utf8) }
    }
}

// MARK: - Canonical form

extension JSONElement {
    /// The value in OLPC's canonical JSON, of which TUF's signatures are made: no space, keys in the order of their code
    /// points, in strings only quotes and backslashes escaped. Numbers must be whole.
    package func canonical() throws -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(document.bytes.count)
        try write(node, to: &output)
        return output
    }

    private func write(_ node: JSONNode, to output: inout [UInt8]) throws {
        switch node.kind {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .number: output += String(try JSONElement(document: document, node: node).integer()).utf8
        case .string(let token): write(token, to: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                try write(element, to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (index, member) in sorted(members).enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                write(member.key, to: &output)
                output.append(UInt8(ascii: ":"))
                try write(member.value, to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// By the bytes of UTF-8, whose order is that of code points.
    private func sorted(_ members: [JSONNode.Member]) -> [JSONNode.Member] {
        guard !members.contains(where: { $0.key.hasEscapes }) else {
            return members.map { (Array($0.key.text(in: document.bytes).utf8), $0) }
                .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map { $0.1 }
        }
        func precedes(_ left: JSONNode.Member, _ right: JSONNode.Member) -> Bool {
            document.bytes.withUnsafeBufferPointer {
                $0[left.key.range].lexicographicallyPrecedes($0[right.key.range])
            }
        }
        let isSorted = zip(members, members.dropFirst()).allSatisfy { precedes($0, $1) }
        return isSorted ? members : members.sorted(by: precedes)
    }

    private func write(_ token: StringToken, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        if token.hasEscapes {
            for byte in token.text(in: document.bytes).utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { output.append(UInt8(ascii: "\\")) }
                output.append(byte)
            }
        } else {
            document.bytes.withUnsafeBufferPointer {
                output.append(contentsOf: UnsafeBufferPointer(rebasing: $0[token.range]))
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
