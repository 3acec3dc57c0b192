/// How many bytes a job can use, from the least to the most: `2GiB` or `2GiB-8GiB`.
package struct ByteRange: TextualValue {
    package let least: ByteCount
    package let most: ByteCount

    package init(_ least: ByteCount, _ most: ByteCount? = nil) {
        self.least = least
        self.most = most ?? least
    }

    package init(parsing text: String) throws {
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let sizes = try ends.map { try ByteCount(parsing: $0) }
        (least, most) = (sizes[0], sizes[sizes.count - 1])
        guard least <= most else {
            throw GridModelError(.invalidQuantity, "'\(text)': the range is upside down; write \(most)-\(least)")
        }
    }

    package var description: String { least == most ? "\(least)" : "\(least)-\(most)" }
}
