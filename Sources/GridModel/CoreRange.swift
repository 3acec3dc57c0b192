/// How many cores a job can use, from the least to the most: `2` or `1-4`.
package struct CoreRange: TextualValue {
    package let least: Int
    package let most: Int

    package init(_ least: Int, _ most: Int) {
        self.least = least
        self.most = most
    }

    package static let one = CoreRange(1, 1)

    package init(parsing text: String) throws {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...2).contains(ends.count), let least = ends[0], let most = ends[ends.count - 1], least >= 1,
            most <= 1024
        else {
            throw GridModelError(
                .invalidQuantity, "'\(text.prefix(40))' is no number of cores: expected for example 2, or a range 1-4")
        }
        guard least <= most else {
            throw GridModelError(.invalidQuantity, "cores '\(text)': the range is upside down; write \(most)-\(least)")
        }
        self.least = least
        self.most = most
    }

    package var description: String { least == most ? "\(least)" : "\(least)-\(most)" }
}
