import ArgumentParser
import Distribution
import GridModel

/// How long what the online key signs is believed.
struct LifetimeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("How long the snapshot is believed.", valueName: "time"),
        transform: { try WallTime(parsing: $0) })
    var snapshotExpires = WallTime(seconds: 30 * 86400)

    @Option(
        help: ArgumentHelp(
            "How long the timestamp is believed: refresh more often than that.", valueName: "time"),
        transform: { try WallTime(parsing: $0) })
    var timestampExpires = WallTime(seconds: 7 * 86400)

    var lifetimes: Publication.Lifetimes {
        Publication.Lifetimes(snapshot: snapshotExpires, timestamp: timestampExpires)
    }
}
