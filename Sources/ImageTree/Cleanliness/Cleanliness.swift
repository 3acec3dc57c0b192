package import ImageFormat

/// Refuses what an image must not hold: secrets, what belongs to one machine, what grants rights nobody listed, and
/// what only takes room.
package enum Cleanliness {
    /// So many are named; of more only the number. A tree whose every file is at fault is not worth a message each.
    static let limit = 1000

    /// The findings in the order of the entries. `tree` holds the entries' files: a staged layer, or a whole system.
    ///
    /// In the lowest layer a whiteout is a device like any other. Contents are looked at up to their first MiB.
    package static func findings(
        entries: [FileEntry], tree: String, isLowest: Bool, exemptions: Exemptions, threads: Int = 2
    ) throws -> [Finding] {
        let rights = RightsCheck(isLowest: isLowest, exemptions: exemptions)
        let contents = ContentCheck(tree: tree, exemptions: exemptions)
        var caches = CacheCheck()
        for entry in entries { caches.inspect(entry) }
        // A read for every file: the threads take them by the hundred.
        let step = 128
        let found = try Parallel.map(count: (entries.count + step - 1) / step, threads: threads) {
            { part in
                try entries[(part * step)..<min((part + 1) * step, entries.count)].flatMap {
                    rights.findings(of: $0) + (try contents.findings(of: $0))
                }
            }
        }
        let all = found.flatMap { $0 } + caches.findings
        guard all.count > limit else { return all }
        let rest = Finding(
            path: "/", what: "\(all.count - limit) more of such", remedy: "mend those named first")
        return all.prefix(limit) + [rest]
    }
}
