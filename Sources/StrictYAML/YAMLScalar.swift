import Yams

/// What a single value of a document may be.
///
/// What YAML takes for a number or a truth value is no text without quotes (YAML 1.2.2, 10.3.2, "Core Schema"), so that
/// every reader of YAML sees the same, editors with a JSON Schema among them.
package enum YAMLScalar: Sendable {
    /// Not empty, no control characters but line ends.
    case text
    /// As `text`, with tabs.
    case script
    /// As `script`, and may be empty.
    case content
    /// As `text`, and may be written as a number or a truth value.
    case quantity
    /// A name before a colon. YAML 1.1 takes `on` for a truth value.
    case key

    func text(of node: Node, file: String, what: String) throws -> String {
        func refuse(_ reason: String) -> YAMLFault { YAMLReader.error(file, node, "\(what) \(reason)") }
        guard case .scalar(let scalar) = node else {
            throw refuse("must be a single value, not a list")
        }
        let tag = scalar.tag.description
        guard tag.isEmpty || tag.hasPrefix("tag:yaml.org,2002:") else {
            throw refuse("has the YAML tag '\(tag)', which is not known here; write the value alone")
        }
        let text = scalar.string
        if let meaning = Self.meaning(of: scalar) {
            guard meaning != .null else { throw refuse("has no value; write one, or remove the line") }
            guard self == .quantity || self == .key else {
                throw refuse("is \(meaning.rawValue) to YAML; put it in quotes: '\(text)'")
            }
        }
        let takesTabs = self == .script || self == .content
        guard !text.isEmpty || self == .content else { throw refuse("is empty") }
        guard !text.utf8.contains(where: { $0 < 32 && $0 != 10 && !(takesTabs && $0 == 9) || $0 == 127 }) else {
            throw refuse("holds \(takesTabs ? "control characters" : "a tab or another control character")")
        }
        return text
    }

    /// Nil where it is none.
    static func boolean(_ node: Node) -> Bool? {
        guard case .scalar(let scalar) = node, meaning(of: scalar) == .boolean else { return nil }
        return scalar.string.lowercased() == "true"
    }

    private enum Meaning: String {
        case null = "nothing"
        case boolean = "a truth value"
        case number = "a number"
    }

    /// What the core schema makes of it where that is no text.
    private static func meaning(of scalar: Node.Scalar) -> Meaning? {
        guard scalar.style == .plain else { return nil }
        switch scalar.string {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "false", "False", "FALSE": return .boolean
        case ".nan", ".NaN", ".NAN": return .number
        default: return isNumber(scalar.string) ? .number : nil
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
        if rest.starts(with: "0o".utf8) {
            return rest.count > 2 && rest.dropFirst(2).allSatisfy { (48...55).contains($0) }
        }
        if rest.starts(with: "0x".utf8) {
            return rest.count > 2
                && rest.dropFirst(2).allSatisfy {
                    isDigit($0) || (65...70).contains($0) || (97...102).contains($0)
                }
        }
        if let sign = rest.first, sign == 43 || sign == 45 { rest = rest.dropFirst() }
        if [".inf", ".Inf", ".INF"].contains(where: { rest.elementsEqual($0.utf8) }) { return true }
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        if rest.first == 46 {
            rest = rest.dropFirst()
            let part = rest.prefix(while: isDigit)
            rest = rest.dropFirst(part.count)
            if whole.isEmpty && part.isEmpty { return false }
        } else if whole.isEmpty {
            return false
        }
        guard let exponent = rest.first else { return true }
        guard exponent == 101 || exponent == 69 else { return false }
        rest = rest.dropFirst()
        if let sign = rest.first, sign == 43 || sign == 45 { rest = rest.dropFirst() }
        return !rest.isEmpty && rest.allSatisfy(isDigit)
    }
}
