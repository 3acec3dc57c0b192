/// Finds, before the YAML is parsed, what would keep the parser busy for minutes or for ever: it walks through all that
/// stands in a key to compare keys (seen with Yams 6.2.2). Our documents have no use for it.
///
/// The text is not parsed for this: what looks like it is refused within a script too.
enum ComplexYAML {
    /// The line and what stands there; nil where there is nothing of the kind.
    static func first(in text: [UInt8]) -> (line: Int, what: String)? {
        var anchors: Set<ArraySlice<UInt8>> = []
        var keys = 0
        var line = 1
        for index in text.indices {
            let byte = text[index]
            if byte == 10 { line += 1 }
            guard [38, 42, 63].contains(byte), mayBegin(after: index == 0 ? 10 : text[index - 1]) else { continue }
            let name = text[(index + 1)...].prefix(while: isNamePart)
            switch byte {
            // A few lines of aliases of aliases stand for billions of values (YAML 1.2.2, 6.9.2 and 7.1).
            case 38: anchors.insert(name)
            case 42 where !name.isEmpty && anchors.contains(name):
                return (line, "a YAML alias, *\(String(decoding: name, as: UTF8.self))")
            // Keys within keys (8.2.2); other keys than these are at most 1024 characters long.
            case 63 where name.isEmpty:
                keys += 1
                if keys > mostKeys { return (line, "one '?' of more than \(mostKeys), which in YAML begin keys") }
            default: break
            }
        }
        return nil
    }

    private static let mostKeys = 32

    /// A value begins after a blank, a line end (those beyond ASCII are taken for one), or a sign of a list or mapping.
    private static func mayBegin(after byte: UInt8) -> Bool {
        byte <= 32 || byte >= 128 || [44, 58, 91, 123].contains(byte)
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95 || byte == 45
    }
}
