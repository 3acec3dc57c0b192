/// Texts as YAML values.
enum YAMLQuoting {
    /// Plain where every reader of YAML takes it for that text; else in double quotes, on one line (YAML 1.2.2, 7.3.1).
    static func of(_ text: String) -> String {
        isPlain(text) ? text : "\"\(text.unicodeScalars.map(escaped).joined())\""
    }

    private static func isPlain(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
        guard let first = text.utf8.first, isLetter(first), let last = text.utf8.last, last != 58, last != 32 else {
            return false
        }
        let isSimple = text.utf8.allSatisfy {
            isLetter($0) || (48...57).contains($0) || " ._+-:/@*<~".utf8.contains($0)
        }
        return isSimple && !text.contains(": ") && !words.contains(text.lowercased())
    }

    /// What YAML 1.1 or 1.2 takes for something else than text.
    private static let words: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\t": return "\\t"
        default: break
        }
        let isPrintable =
            (32..<127).contains(scalar.value) || scalar.value >= 0xA0 && scalar.properties.generalCategory.isVisible
        if isPrintable { return String(scalar) }
        let hex = String(scalar.value, radix: 16)
        return "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
    }
}

extension Unicode.GeneralCategory {
    /// Line separators, controls and what is not assigned are escaped.
    fileprivate var isVisible: Bool {
        switch self {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .surrogate, .privateUse,
            .unassigned:
            false
        default: true
        }
    }
}
