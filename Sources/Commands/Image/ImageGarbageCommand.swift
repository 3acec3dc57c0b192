import ArgumentParser
import GridModel
import ImageStore
import Machine

struct ImageGarbageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove blobs that no image has, and inputs that no lock names.",
        discussion: """
            A blob or input is removed if nothing names it and it was stored more than 24 hours ago: a build under way stores \
            its blobs first and names them last, and what it fetched may be named by a lock that is not written yet. --all \
            removes them whatever their age. With --all or --inputs it refuses, with exit code 75, while an image is built in \
            this home. Machines, images and kernels are not touched; 'image remove' forgets an image.

            Without its inputs an image can be rebuilt only as long as the archives have them: those that any image of the \
            home, or any lock of its 'locks' directory, names are kept.
            """)

    @Flag(help: "Remove inputs too: packages, wheels, files and containers that builds fetched.")
    var inputs = false

    @Flag(name: .customLong("dry-run"), help: "Only say what would be removed.")
    var dryRun = false

    @Flag(help: "Remove them whatever their age.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let result = try all || inputs ? store.withoutBuilds { try collect(store) } : collect(store)
        try result.show(asJSON: json)
    }

    private func collect(_ store: ImageStore) throws -> GarbageReport {
        let age: Duration = all ? .zero : .seconds(24 * 3600)
        let blobs = try store.collectGarbage(olderThan: age, now: .now, dryRun: dryRun)
        let inputs = try inputs ? store.collectInputs(olderThan: age, now: .now, dryRun: dryRun) : nil
        return GarbageReport(dryRun: dryRun, blobs: blobs, inputs: inputs)
    }
}

/// What `image gc` did.
struct GarbageReport: Shown {
    let dryRun: Bool
    let blobs: Garbage
    let inputs: Garbage?

    func printForPeople() {
        for (name, garbage) in [("blob", blobs), ("input", inputs)] {
            guard let garbage else { continue }
            let size = ByteCount(garbage.bytes).rounded
            print(
                "\(garbage.files) \(name)\(garbage.files == 1 ? "" : "s"), \(size) (\(garbage.bytes) bytes) \(dryRun ? "would be freed" : "freed")"
            )
        }
    }
}
