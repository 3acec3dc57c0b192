import ArgumentParser
import Attestation
import Distribution
import GridModel
import HTTPTransport
import ImageStore
import Linux
import Registry
import StrictJSON

struct CatalogueCollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect", abstract: "Take signed statements that images were rebuilt elsewhere.",
        discussion: """
            sojourn catalogue collect nikhef.json http://rebuilds.example.org/desy.json --catalogue DIR
            sojourn catalogue collect oci://registry.example.org/lhc/pythia8:8.317.2 --catalogue DIR

            A statement is taken if its signature is good and it is about an image that the catalogue endorses, or that a draft \
            waits to endorse. It counts if its key is that of a rebuilder ('catalogue add-rebuilder') who neither endorses for \
            the experiment nor built the image; others are kept and do not count. Returns 1 where one was not taken.
            """)

    @Argument(help: "Files, http or https addresses, or oci://HOST/NAME[:TAG|@DIGEST].", completion: .file())
    var sources: [String]

    @Option(help: ArgumentHelp("The catalogue's directory.", valueName: "dir"), completion: .directory)
    var catalogue: String

    @OptionGroup var registry: RegistryOptions

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func validate() throws {
        if registry.insecure, !sources.contains(where: RegistryReference.isMeant) {
            throw ValidationError("--insecure goes with oci://…")
        }
    }

    func run() throws {
        let store = try home.store()
        let rebuilds = CatalogueRebuilds(Catalogue(at: catalogue))
        var collected: [CatalogueRebuilds.Collected] = []
        var failures = 0
        try registry.with { access in
            for source in sources {
                do {
                    let all = try statements(of: source, access)
                    if all.isEmpty { Report.line("sojourn: nothing of the kind at \(source)") }
                    for (name, bytes) in all {
                        do { collected.append(try rebuilds.collect(bytes, source: name, store)) } catch {
                            failures += 1
                            Report.error("\(error)")
                        }
                    }
                } catch {
                    failures += 1
                    Report.error("\(error)")
                }
            }
        }
        try CollectionReport(collected: collected).show(asJSON: json)
        if failures > 0 { throw ExitCode(1) }
    }

    private func statements(of source: String, _ access: RegistryAccess) throws -> [(source: String, bytes: [UInt8])] {
        if RegistryReference.isMeant(by: source) {
            return try RegistryStatements.all(Rebuild.type, try RegistryReference(parsing: source), access)
        }
        if source.hasPrefix("http://") || source.hasPrefix("https://") {
            return [(source, try access.read(source, limit: RebuildStatement.limit))]
        }
        return [(source, try Files.readStream(source, limit: RebuildStatement.limit))]
    }
}

/// What `catalogue collect` prints.
private struct CollectionReport: Shown {
    let collected: [CatalogueRebuilds.Collected]

    func encode(to encoder: any Encoder) throws { try collected.encode(to: encoder) }

    func printForPeople() {
        if collected.isEmpty { return }
        Output.table(
            ["IMAGE", "DIGEST", "REBUILT", "BY", ""],
            collected.map { item in
                [
                    item.name, item.image.short, item.rebuilt.description,
                    item.rebuilder ?? "\(item.key.prefix(12)), not a rebuilder of this catalogue",
                    item.isNew ? "" : "known",
                ]
            })
    }
}
