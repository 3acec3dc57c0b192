/// Which bytes of a file an answer holds: `bytes FIRST-LAST/COMPLETE`, COMPLETE perhaps `*` (RFC 9110, section 14.4).
struct ContentRange: Equatable, Sendable {
    let bytes: Range<Int64>
    /// Of the whole file; nil where the server does not say.
    let complete: Int64?

    /// Nil for what is no such header, or contradicts itself.
    init?(parsing text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let halves = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let bounds = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2, let first = Self.number(bounds[0]), let last = Self.number(bounds[1]),
            first <= last, last < Int64.max
        else { return nil }
        bytes = first..<last + 1
        if halves[1] == "*" {
            complete = nil
        } else {
            guard let complete = Self.number(halves[1]), complete > last else { return nil }
            self.complete = complete
        }
    }

    /// Digits alone: a sign or a blank is no number here. Nil where no integer holds it.
    static func number(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}
