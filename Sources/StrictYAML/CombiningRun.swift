/// Finds more combining characters in a row than any writing has: to compare texts, or look one up, takes Swift (6.3) a time
/// that grows with the square of a run. The limit is that of Unicode's stream-safe text format (UAX #15, section 13).
///
/// The YAML is not parsed for this: what looks like an escape counts outside of quotes too.
struct CombiningRun {
    static let longest = 30

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var line = 1
    private var length = 0

    /// The line of the first run that is longer; nil where there is none.
    static func first(in text: String) -> Int? {
        var search = CombiningRun(scalars: Array(text.unicodeScalars))
        while let scalar = search.next() {
            // None is below U+0300.
            let combines = scalar.value >= 0x300 && scalar.properties.canonicalCombiningClass != .notReordered
            search.length = combines ? search.length + 1 : 0
            if search.length > longest { return search.line }
        }
        return nil
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    /// The next character, whether it is written out or as an escape (YAML 1.2.2, section 5.7).
    private mutating func next() -> Unicode.Scalar? {
        while let scalar = take() {
            guard scalar == "\\", let kind = take() else { return scalar }
            switch kind {
            // An escaped end of line is nothing, with the blanks after it.
            case "\n", "\r":
                while index < scalars.count, " \t\r\n".unicodeScalars.contains(scalars[index]) { _ = take() }
            case "x": return escape(2)
            case "u": return escape(4)
            case "U": return escape(8)
            default: return kind
            }
        }
        return nil
    }

    private mutating func take() -> Unicode.Scalar? {
        guard index < scalars.count else { return nil }
        defer { index += 1 }
        if scalars[index] == "\n" { line += 1 }
        return scalars[index]
    }

    private mutating func escape(_ digits: Int) -> Unicode.Scalar {
        let text = String(String.UnicodeScalarView(scalars[index...].prefix(digits)))
        guard let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else { return "\\" }
        index += digits
        return scalar
    }
}
