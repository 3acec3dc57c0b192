/// What a registry that refuses asks for: `Basic realm="…"`, or `Bearer realm="…",service="…",scope="…"` (RFC 9110, 11.6.1).
struct Challenge: Equatable {
    let scheme: String
    let parameters: [String: String]

    /// Nil for what has not this form.
    init?(parsing text: String) {
        guard text.utf8.count <= 4096, text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return nil }
        let word = text.prefix { $0 != " " }
        scheme = word.lowercased()
        var rest = text.dropFirst(word.count)
        var found: [String: String] = [:]
        while true {
            rest = rest.drop { $0 == " " || $0 == "," }
            if rest.isEmpty { break }
            let name = rest.prefix { $0 != "=" && $0 != " " && $0 != "," }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, rest.first == "=" else { return nil }
            rest = rest.dropFirst()
            guard let value = Self.value(&rest) else { return nil }
            found[name.lowercased()] = value
        }
        parameters = found
    }

    private static func value(_ rest: inout Substring) -> String? {
        guard rest.first == "\"" else {
            let token = rest.prefix { $0 != "," && $0 != " " }
            rest = rest.dropFirst(token.count)
            return String(token)
        }
        rest = rest.dropFirst()
        var value = ""
        while let character = rest.popFirst() {
            if character == "\"" { return value }
            if character == "\\" {
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped)
            } else {
                value.append(character)
            }
        }
        return nil
    }
}
