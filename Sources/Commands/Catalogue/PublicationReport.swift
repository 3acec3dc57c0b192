import Distribution
import GridModel

/// What a publication did.
struct PublicationReport: Shown {
    private let published: [Publication.Result.Change]
    private let deltas: [Publication.Result.Delta]
    private let warnings: [String]
    /// When snapshot and timestamp expire.
    private let snapshotExpires: Timestamp?
    private let timestampExpires: Timestamp?

    init(_ result: Publication.Result) {
        published = result.published
        deltas = result.deltas
        warnings = result.warnings
        snapshotExpires = result.expires.first
        timestampExpires = result.expires.last
    }

    func printForPeople() {
        for change in published { print("\(change.role) \(change.version)") }
        for delta in deltas {
            Report.line(
                "sojourn: a delta of \(ByteCount(delta.size).rounded) from \(delta.from.short) to \(delta.to.short)")
        }
        for warning in warnings { Report.line("sojourn: \(warning)") }
        if let timestampExpires {
            Report.line("sojourn: believed until \(timestampExpires); refresh the catalogue before")
        }
    }
}
