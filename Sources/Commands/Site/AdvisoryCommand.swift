import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Linux
import Policy
import Settings
import StrictJSON
import StrictYAML

struct AdvisoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advisory",
        abstract: "Say what a fault in a package means for this site.",
        discussion: """
            An advisory names a package and the first version without the fault. From its deadline on, no image that has an \
            older one starts. A file:

                id: DSA-5649-1
                package: xz-utils
                fixed: 5.6.1+really5.4.5-1
                severity: critical
                deadline: 2026-12-01
                summary: a backdoor in liblzma
            """,
        subcommands: [AdvisoryApply.self, AdvisoryList.self, AdvisoryShow.self, AdvisoryRemove.self])
}

struct AdvisoryApply: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Keep an advisory, and show which images it affects, what replaces them, and who runs them.")

    @OptionGroup var place: SiteFileOptions
    @Argument(help: "The advisory, in YAML.", completion: .file()) var file: String
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let home = try place.home.open()
        let directory = place.system ? AdvisoryDirectory() : AdvisoryDirectory(home: home)
        let advisory = try directory.keep(try Files.read(file, limit: YAMLReader.limit), from: file)
        try AdvisoryReport(advisory, home: home).show(json: json)
    }
}

struct AdvisoryShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show again what an advisory affects, by what is known now.")

    @OptionGroup var home: HomeOptions
    @Argument(help: "Its id.") var id: String
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let home = try home.open()
        let all = try Configuration.read(home).site.rules.advisories
        guard let advisory = all.first(where: { $0.id == id }) else {
            throw DistributionError(
                .unknownReference, "there is no advisory '\(id)': \(NearestNames.hint(for: id, among: all.map(\.id)))")
        }
        try AdvisoryReport(advisory, home: home).show(json: json)
    }
}

struct AdvisoryList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the advisories in force here.")

    @OptionGroup var home: HomeOptions
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let all = try Configuration.read(try home.open()).site.rules.advisories
        if json { return try Report.data(try StrictJSON.encode(all, pretty: true)) }
        Output.table(
            ["ID", "SEVERITY", "PACKAGE", "FIXED", "DEADLINE", "SUMMARY"],
            all.map {
                [
                    $0.id, $0.severity?.rawValue ?? "-", $0.package, $0.fixed, $0.deadline?.description ?? "-",
                    $0.summary ?? "",
                ]
            })
    }
}

struct AdvisoryRemove: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Forget an advisory.")

    @OptionGroup var place: SiteFileOptions
    @Argument(help: "Its id.") var id: String

    func run() throws {
        let directory = place.system ? AdvisoryDirectory() : AdvisoryDirectory(home: try place.home.open())
        try directory.remove(id)
    }
}
