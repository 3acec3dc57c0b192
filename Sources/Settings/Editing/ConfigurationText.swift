/// A configuration as lines, of which those that are not meant stay as they are.
struct ConfigurationText {
    private var lines: [String]
    /// `\r` where lines end with it too.
    private let lineEnd: String

    init(_ text: String) {
        // By bytes: to a `Character`, "\r\n" is one.
        lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        lineEnd = text.utf8.contains(13) ? "\r" : ""
    }

    var text: String { lines.joined(separator: "\n") }

    /// Puts an entry before all others of the list `key`, which is made at the end where there is none. False where the list
    /// is written in another way than with one `- ` line for each entry.
    mutating func insert(_ entry: [(key: String, value: String)], into key: String) -> Bool {
        guard let start = lines.firstIndex(where: { Self.value(of: key, in: $0) != nil }) else {
            if lines.last?.isEmpty == true { lines.removeLast() }
            lines += ["\(key):\(lineEnd)"] + Self.lines(of: entry, indentation: "  ").map { $0 + lineEnd } + [""]
            return true
        }
        switch Self.value(of: key, in: lines[start]) ?? "" {
        case "":
            guard let item = lines[(start + 1)...].first(where: { !Self.isAside($0) }), Self.isItem(item) else {
                return false
            }
            let indentation = String(item.prefix { $0 == " " })
            lines.insert(
                contentsOf: Self.lines(of: entry, indentation: indentation).map { $0 + lineEnd }, at: start + 1)
        case "[]":
            guard let close = lines[start].firstIndex(of: "]") else { return false }
            lines[start].replaceSubrange(...close, with: "\(key):")
            lines.insert(contentsOf: Self.lines(of: entry, indentation: "  ").map { $0 + lineEnd }, at: start + 1)
        default: return false
        }
        return true
    }

    /// Removes the entries of the list `key` that begin in `lines` (from 1). False as above.
    mutating func remove(beginningIn numbers: [Int], from key: String, leavesNone: Bool) -> Bool {
        for number in numbers.sorted(by: >) {
            guard number <= lines.count, Self.isItem(lines[number - 1]) else { return false }
            let indentation = lines[number - 1].prefix { $0 == " " }.count
            var end = number
            while end < lines.count, Self.isAside(lines[end]) || Self.indentation(lines[end]) > indentation { end += 1 }
            // What stands before the next entry is about that.
            while end > number, Self.isAside(lines[end - 1]), Self.indentation(lines[end - 1]) <= indentation {
                end -= 1
            }
            lines.removeSubrange((number - 1)..<end)
        }
        guard leavesNone else { return true }
        guard let start = lines.firstIndex(where: { Self.value(of: key, in: $0) == "" }) else { return false }
        let colon = lines[start].index(lines[start].startIndex, offsetBy: key.count + 1)
        lines[start].insert(contentsOf: " []", at: colon)
        return true
    }

    /// As they are to be written by hand.
    static func lines(of entry: [(key: String, value: String)], indentation: String) -> [String] {
        entry.enumerated().map { index, field in
            "\(indentation)\(index == 0 ? "- " : "  ")\(field.key): \(YAMLQuoting.of(field.value))"
        }
    }

    /// What follows the colon, without a comment; nil where the line is not that of an outermost `key`.
    private static func value(of key: String, in line: String) -> String? {
        guard line.hasPrefix("\(key):") else { return nil }
        var rest = line.dropFirst(key.count + 1)
        if rest.hasSuffix("\r") { rest.removeLast() }
        guard rest.isEmpty || rest.hasPrefix(" ") else { return nil }
        rest = rest.drop { $0 == " " }
        if rest.hasPrefix("[") {
            let inner = rest.dropFirst().drop { $0 == " " }
            if inner.hasPrefix("]"), isComment(inner.dropFirst()) { return "[]" }
        }
        return rest.hasPrefix("#") ? "" : String(rest)
    }

    private static func isComment(_ text: Substring) -> Bool {
        let rest = text.drop { $0 == " " }
        return rest.isEmpty || rest.hasPrefix("#") && text.hasPrefix(" ")
    }

    /// Blank or a comment.
    private static func isAside(_ line: String) -> Bool {
        let rest = line.drop { $0 == " " || $0 == "\t" }
        return rest.isEmpty || rest == "\r" || rest.hasPrefix("#")
    }

    private static func isItem(_ line: String) -> Bool { line.drop { $0 == " " }.hasPrefix("- ") }

    /// Of a blank line none: it belongs to nothing.
    private static func indentation(_ line: String) -> Int {
        let count = line.prefix { $0 == " " }.count
        return count == line.count || line.dropFirst(count) == "\r" ? 0 : count
    }
}
