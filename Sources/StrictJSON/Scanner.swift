/// Checks that bytes are one JSON text by RFC 8259, and tells where its values lie.
struct Scanner {
    struct Fault: Error {
        let code: StrictJSONError.Code
        let offset: Int
        let reason: String
    }

    let bytes: [UInt8]
    private let depthLimit: Int
    var index = 0
    /// Each takes some 50 bytes, where the text takes two: far more than any honest document has.
    private static let mostValues = 2_000_000
    private var values = 0

    init(_ bytes: [UInt8], depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    mutating func document() throws -> JSONNode {
        let root = try value(depth: 0)
        skipSpace()
        if index < bytes.count { throw malformed("something follows the end of the document") }
        return root
    }

    /// Both from 1; the column counts bytes.
    func position(of offset: Int) -> (line: Int, column: Int) {
        let before = bytes.prefix(offset)
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return (before.count { $0 == UInt8(ascii: "\n") } + 1, before.count - lineStart + 1)
    }

    /// The byte at the position, 0 at the end: NUL is allowed nowhere, so it needs no telling apart.
    var next: UInt8 { index < bytes.count ? bytes[index] : 0 }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): index += 1
            default: return
            }
        }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        guard next == byte, index < bytes.count else { return false }
        index += 1
        return true
    }

    func fault(_ code: StrictJSONError.Code, _ reason: String, at offset: Int? = nil) -> Fault {
        Fault(code: code, offset: offset ?? index, reason: reason)
    }

    func malformed(_ reason: String) -> Fault {
        fault(.malformed, index < bytes.count ? reason : "\(reason); the document ends here")
    }
}

// MARK: - Values

extension Scanner {
    private mutating func value(depth: Int) throws -> JSONNode {
        skipSpace()
        values += 1
        if values > Self.mostValues { throw fault(.tooLarge, "more than \(Self.mostValues) values") }
        let start = index
        let kind: JSONNode.Kind
        switch next {
        case UInt8(ascii: "{"): kind = .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): kind = .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): kind = .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try number()
            kind = .number(end: index)
        case UInt8(ascii: "t"):
            try literal("true")
            kind = .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            kind = .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            kind = .null
        default: throw malformed("expected a value")
        }
        return JSONNode(offset: start, kind: kind)
    }

    private mutating func literal(_ text: StaticString) throws {
        let count = text.utf8CodeUnitCount
        let matches = text.withUTF8Buffer { bytes.dropFirst(index).prefix(count).elementsEqual($0) }
        if !matches { throw malformed("expected \(text)") }
        index += count
    }

    private mutating func array(depth: Int) throws -> [JSONNode] {
        try enter(depth)
        skipSpace()
        if accept(UInt8(ascii: "]")) { return [] }
        var elements: [JSONNode] = []
        repeat {
            elements.append(try value(depth: depth))
            skipSpace()
        } while accept(UInt8(ascii: ","))
        if !accept(UInt8(ascii: "]")) { throw malformed("expected ',' or ']'") }
        return elements
    }

    private mutating func object(depth: Int) throws -> [JSONNode.Member] {
        try enter(depth)
        skipSpace()
        if accept(UInt8(ascii: "}")) { return [] }
        var members: [JSONNode.Member] = []
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw malformed("expected a key in quotes") }
            let key = try string()
            skipSpace()
            if !accept(UInt8(ascii: ":")) { throw malformed("expected ':' after a key") }
            members.append(.init(key: key, value: try value(depth: depth)))
            skipSpace()
        } while accept(UInt8(ascii: ","))
        if !accept(UInt8(ascii: "}")) { throw malformed("expected ',' or '}'") }
        try refuseDuplicates(members)
        return members
    }

    /// Canonically equivalent keys are one here, as they are one in the dictionary of whoever decodes.
    private func refuseDuplicates(_ members: [JSONNode.Member]) throws {
        let isAscending = bytes.withUnsafeBufferPointer { bytes in
            zip(members, members.dropFirst()).allSatisfy { left, right in
                Self.isPlain(left.key, in: bytes) && Self.isPlain(right.key, in: bytes)
                    && bytes[left.key.range].lexicographicallyPrecedes(bytes[right.key.range])
            }
        }
        if isAscending { return }
        var keys: Set<String> = []
        for member in members {
            let key = text(member.key)
            guard keys.insert(key).inserted else {
                let shown = key.unicodeScalars.prefix(80).map { $0.escaped(asASCII: false) }.joined()
                throw fault(
                    .duplicateKey, "the key '\(shown)' is there twice in one object",
                    at: member.key.range.lowerBound - 1)
            }
        }
    }

    /// ASCII without escapes: what its bytes say is what it says.
    private static func isPlain(_ token: StringToken, in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        !token.hasEscapes && bytes[token.range].allSatisfy { $0 < 0x80 }
    }

    private mutating func enter(_ depth: Int) throws {
        if depth > depthLimit { throw fault(.tooDeep, "more than \(depthLimit) arrays and objects in one another") }
        index += 1
    }

    private mutating func number() throws {
        _ = accept(UInt8(ascii: "-"))
        if !accept(UInt8(ascii: "0")) { try digits() }
        if accept(UInt8(ascii: ".")) { try digits() }
        if next | 0x20 == UInt8(ascii: "e") {
            index += 1
            if !accept(UInt8(ascii: "+")) { _ = accept(UInt8(ascii: "-")) }
            try digits()
        }
        // What is no part of the number must end it: catches 01 and 1x here, where the message fits.
        if next >= UInt8(ascii: "0") && next <= UInt8(ascii: "9") { throw malformed("a number with a leading zero") }
    }

    private mutating func digits() throws {
        let start = index
        while next >= UInt8(ascii: "0") && next <= UInt8(ascii: "9") { index += 1 }
        if index == start { throw malformed("expected a digit") }
    }
}
