/// A licence as SPDX 2.3 writes it (annex D): names of the licence list with AND, OR, WITH and parentheses.
///
/// Narrower than the annex: no references to licences that a document brings with it, since ours bring none, and `+`
/// only where the list has the name with it, since spdx-tools 0.8.5 knows no other.
struct LicenceExpression: Equatable, CustomStringConvertible {
    /// Names in the list's own spelling.
    let description: String

    /// Of parentheses in one another.
    private static let depthLimit = 16

    /// Nil where `text` is no such expression.
    init?(_ text: String) {
        var rest = Self.words(of: text)[...]
        guard let expression = Self.expression(&rest, depth: 0), rest.isEmpty else { return nil }
        description = expression
    }

    private static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        func finish() {
            if !word.isEmpty { words.append(word) }
            word = ""
        }
        for character in text {
            if "() ".contains(character) {
                finish()
                if character != " " { words.append(String(character)) }
            } else {
                word.append(character)
            }
        }
        finish()
        return words
    }

    /// Takes one from the beginning of `words`.
    private static func expression(_ words: inout ArraySlice<String>, depth: Int) -> String? {
        guard var text = term(&words, depth: depth) else { return nil }
        while let word = words.first, word == "AND" || word == "OR" {
            words.removeFirst()
            guard let next = term(&words, depth: depth) else { return nil }
            text += " \(word) \(next)"
        }
        return text
    }

    private static func term(_ words: inout ArraySlice<String>, depth: Int) -> String? {
        guard let word = words.popFirst() else { return nil }
        if word == "(" {
            guard depth < depthLimit, let inner = expression(&words, depth: depth + 1), words.popFirst() == ")" else {
                return nil
            }
            return "(\(inner))"
        }
        guard let licence = LicenceList.licence(word) else { return nil }
        guard words.first == "WITH" else { return licence }
        words.removeFirst()
        return words.popFirst().flatMap(LicenceList.exception).map { "\(licence) WITH \($0)" }
    }
}
