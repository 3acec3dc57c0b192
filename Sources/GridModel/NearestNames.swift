/// Finds the names that somebody may have meant.
package enum NearestNames {
    /// At most three of `names`, the nearest first; none that is too far off.
    package static func of(_ name: String, among names: some Sequence<String>) -> [String] {
        let wanted = Array(name.lowercased().unicodeScalars)
        let candidates = Set(names).map { candidate -> (name: String, distance: Int) in
            let scalars = Array(candidate.lowercased().unicodeScalars)
            let isPart = wanted.count >= 3 && candidate.lowercased().contains(name.lowercased())
            return (candidate, isPart ? 0 : distance(wanted, scalars))
        }
        let near = candidates.filter { $0.distance <= max(2, wanted.count / 3) }
        return near.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
    }

    /// The end of a message: the nearest names, else all of them while they are few.
    package static func hint(for name: String, among names: some Sequence<String>) -> String {
        let near = of(name, among: names)
        if !near.isEmpty { return "did you mean \(near.joined(separator: " or "))?" }
        let all = Set(names).sorted()
        if all.isEmpty { return "there are none" }
        return
            "known are \(all.prefix(10).joined(separator: ", "))\(all.count > 10 ? " and \(all.count - 10) more" : "")"
    }

    /// Levenshtein's distance: how many characters to insert, remove or change.
    static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var row = Array(0...right.count)
        for (i, one) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (one == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
