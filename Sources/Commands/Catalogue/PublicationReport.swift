import Distribution
import GridModel

/// What a publication did.
struct PublicationReport: Shown {
    private let published: [Publication.Result.Change]
    /// When snapshot and timestamp expire.
    private let snapshotExpires: Timestamp?
    private let timestampExpires: Timestamp?

    init(_ result: Publication.Result) {
        published = result.published
        snapshotExpires = result.expires.first
        timestampExpires = result.expires.last
    }

    func printForPeople() {
        for change in published { print("\(change.role) \(change.version)") }
        if let timestampExpires {
            Report.line("sojourn: believed until \(timestampExpires); refresh the catalogue before")
        }
    }
}
