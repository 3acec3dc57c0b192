import ArgumentParser
import Distribution
import GridModel
import Machine

struct CatalogueShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a catalogue: who signs, what is endorsed, what ends soon.",
        discussion: """
            Roles, their keys and expiries, and the images by experiment. What ends soon is said on standard error. \
            Signatures are verified from the first root on.
            """)

    @Argument(help: "The catalogue's directory.", completion: .directory)
    var directory: String

    @Option(
        help: ArgumentHelp("Warn of what ends so soon.", valueName: "time"), transform: { try WallTime(parsing: $0) })
    var within = WallTime(seconds: 30 * 86400)

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let summary = try CatalogueSummary(Catalogue(at: directory), now: .now, within: within)
        for warning in summary.warnings { Report.line("sojourn: \(warning)") }
        try CatalogueTable(summary: summary).show(asJSON: json)
    }
}

/// What `catalogue show` prints.
private struct CatalogueTable: Shown {
    let summary: CatalogueSummary

    func encode(to encoder: any Encoder) throws { try summary.encode(to: encoder) }

    func printForPeople() {
        if let fingerprint = summary.fingerprint { print("fingerprint \(fingerprint)\n") }
        Output.table(
            ["ROLE", "VERSION", "EXPIRES", "SIGN", "KEYS"],
            summary.roles.map { role in
                let keys = role.keys.map { "\($0.name ?? "?") (\($0.id.prefix(12)))" }
                return [
                    role.name, "\(role.version)", role.expires.description, "\(role.threshold) of \(role.keys.count)",
                    keys.joined(separator: ", "),
                ]
            })
        for rebuilder in summary.rebuilders {
            print("rebuilder \(rebuilder.name ?? "?") (\(rebuilder.id.prefix(12)))".escapingControls)
        }
        for experiment in summary.experiments where experiment.requiredRebuilds > 0 {
            print(
                "\(experiment.name): \(experiment.requiredRebuilds) independent rebuilds before anything is published")
        }
        print("")
        Output.table(
            ["EXPERIMENT", "IMAGE", "DIGEST", "ENDORSED", "UNTIL", "REBUILT BY", ""],
            summary.experiments.flatMap { experiment in
                experiment.entries.map {
                    [
                        experiment.name, $0.name, $0.digest.short, $0.endorsed.description, $0.until.description,
                        $0.rebuilds.text, $0.valid ? "" : "ended",
                    ]
                }
            })
    }
}
