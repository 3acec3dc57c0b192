/// The one range of bytes that a request asks for (RFC 9110, section 14.1.2).
package enum AskedRange: Equatable, Sendable {
    case from(Int64, through: Int64?)
    /// The last bytes of a file.
    case last(Int64)

    /// Nil for what is no such header, and for several ranges at once: both are answered as if nothing had been asked for,
    /// as the rule allows.
    package init?(parsing text: String) {
        let words = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let bounds = words[1].split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return nil }
        if bounds[0].isEmpty {
            guard let count = Self.number(bounds[1]) else { return nil }
            self = .last(count)
            return
        }
        guard let first = Self.number(bounds[0]) else { return nil }
        if bounds[1].isEmpty {
            self = .from(first, through: nil)
            return
        }
        guard let last = Self.number(bounds[1]), last >= first else { return nil }
        self = .from(first, through: last)
    }

    /// Which bytes of a file of that size are meant; nil where it has none of them.
    package func resolved(in size: Int64) -> Range<Int64>? {
        switch self {
        case .from(let first, let last):
            guard first < size else { return nil }
            return first..<min(last ?? size - 1, size - 1) + 1
        case .last(let count):
            guard count > 0, size > 0 else { return nil }
            return max(0, size - count)..<size
        }
    }

    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}
