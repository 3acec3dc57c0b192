/// One repository of an apt configuration (sources.list(5)).
package struct AptSource: Equatable, Sendable {
    package enum Key: Equatable, Sendable {
        case file(String)
        /// The key itself, ASCII-armoured.
        case embedded(String)
    }

    package var uri: String
    package var suites: [String]
    package var components: [String]
    package var signedBy: Key?

    package init(uri: String, suites: [String], components: [String], signedBy: Key? = nil) {
        self.uri = uri
        self.suites = suites
        self.components = components
        self.signedBy = signedBy
    }

    /// Parses one-line entries (`/etc/apt/sources.list`, `*.list`). Lines that are none are passed over, as apt's own
    /// complaint about them is the better one.
    package static func parse(list text: String) -> [AptSource] {
        text.split(separator: "\n").compactMap { line in
            var rest = line.prefix { $0 != "#" }[...]
            guard let type = rest.nextWord(), type == "deb" else { return nil }
            var key: Key?
            rest = rest.drop { $0.isWhitespace }
            if rest.first == "[", let end = rest.firstIndex(of: "]") {
                for option in rest[rest.index(after: rest.startIndex)..<end].split(whereSeparator: \.isWhitespace) {
                    if option.hasPrefix("signed-by=") { key = .file(String(option.dropFirst(10))) }
                }
                rest = rest[rest.index(after: end)...]
            }
            guard let uri = rest.nextWord(), let suite = rest.nextWord() else { return nil }
            return AptSource(
                uri: String(uri), suites: [String(suite)],
                components: rest.split(whereSeparator: \.isWhitespace).map(String.init), signedBy: key)
        }
    }

    /// Parses deb822 stanzas (`*.sources`).
    package static func parse(deb822 text: String) -> [AptSource] {
        Deb822.stanzas(text).flatMap { stanza -> [AptSource] in
            func words(_ field: String) -> [String] {
                (stanza[field] ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
            }
            guard words("types").contains("deb"),
                !["no", "false", "0"].contains(stanza["enabled"]?.lowercased() ?? "yes")
            else {
                return []
            }
            return words("uris").map {
                AptSource(
                    uri: $0, suites: words("suites"), components: words("components"),
                    signedBy: key(stanza["signed-by"]))
            }
        }
    }

    private static func key(_ field: String?) -> Key? {
        guard let field, !field.isEmpty else { return nil }
        guard field.contains("-----BEGIN") else { return .file(field) }
        // An embedded key's empty lines are written as a dot.
        let lines = field.split(separator: "\n").map { $0 == "." ? "" : String($0) }
        return .embedded(lines.joined(separator: "\n") + "\n")
    }
}

/// The paragraphs of Debian control files (Debian Policy 5.1).
package enum Deb822 {
    /// Field names in lower case; continuation lines are joined by newlines, their first blank removed.
    package static func stanzas(_ text: String) -> [[String: String]] {
        var stanzas: [[String: String]] = []
        var current: [String: String] = [:]
        var field: String?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("#") { continue }
            if line.allSatisfy(\.isWhitespace) {
                if !current.isEmpty { stanzas.append(current) }
                (current, field) = ([:], nil)
            } else if line.first == " " || line.first == "\t" {
                if let field { current[field, default: ""] += "\n" + line.trimmed }
            } else if let colon = line.firstIndex(of: ":") {
                let name = line[..<colon].lowercased()
                current[name] = line[line.index(after: colon)...].trimmed
                field = name
            }
        }
        return current.isEmpty ? stanzas : stanzas + [current]
    }
}

extension Substring {
    fileprivate mutating func nextWord() -> Substring? {
        self = drop { $0.isWhitespace }
        let word = prefix { !$0.isWhitespace }
        self = dropFirst(word.count)
        return word.isEmpty ? nil : word
    }

    fileprivate var trimmed: String {
        var rest = drop { $0.isWhitespace }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
