import ArgumentParser
import Distribution
import GridModel
import ImageFormat

struct CatalogueHistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show who endorsed which image when, for what, and what became of it.",
        discussion: """
            From every version that was ever published, each verified with the keys of its time. Purpose and licence are \
            those of the image's own configuration.
            """)

    @Argument(help: "The catalogue's directory.", completion: .directory)
    var directory: String

    @Argument(help: "An environment, an experiment, a digest, or at least 8 digits of one; by default all.")
    var reference: String?

    @Flag(help: "List the packages of each image too.")
    var packages = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let history = try CatalogueHistory(Catalogue(at: directory), matching: reference, packages: packages)
        try HistoryTable(events: history.events).show(asJSON: json)
    }
}

/// What `catalogue history` prints.
private struct HistoryTable: Shown {
    let events: [CatalogueHistory.Event]

    func encode(to encoder: any Encoder) throws { try events.encode(to: encoder) }

    func printForPeople() {
        Output.table(
            ["TIME", "WHAT", "IMAGE", "DIGEST", "BY", "UNTIL", "REBUILT BY", "FOR"],
            events.map { event in
                [
                    event.time.description, event.kind.rawValue, event.name, event.digest.short,
                    event.by.map { $0.name ?? String($0.id.prefix(12)) }.joined(separator: ", "),
                    event.until?.description ?? "", event.rebuilds?.text ?? "",
                    event.because ?? Self.purpose(event.image),
                ]
            })
        var shown: Set<String> = []
        for event in events {
            guard let packages = event.image?.packages, shown.insert(event.digest.hex).inserted else { continue }
            print("\n\(event.name) \(event.digest)".escapingControls)
            for package in packages {
                print("  \(package.type.rawValue) \(package.name) \(package.version)".escapingControls)
            }
        }
    }

    private static func purpose(_ image: CatalogueHistory.Image?) -> String {
        [image?.purpose, image?.licence].compactMap { $0 }.joined(separator: "; ")
    }
}
