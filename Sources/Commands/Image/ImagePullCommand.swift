import ArgumentParser
import Distribution
import GridModel
import ImageStore
import Linux
import Registry

struct ImagePullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch an image that a catalogue or a registry serves, whole.",
        discussion: """
            What is cheapest is said first and then done, for each filesystem by itself: nothing, where its blocks are here \
            under whatever image; a delta from a predecessor that is here; requests for the blocks that are missing. --how \
            takes one of these ways only; --how rebuild fetches recipe and lock, and builds. Each block is verified before it \
            is kept, wherever it comes from; what was interrupted goes on when it is repeated. A kernel that is not here comes \
            with the image. Returns 4 where the site's rules refuse it.

            oci://HOST[:PORT]/NAME[:TAG|@DIGEST] takes an image from a registry as it is, with its kernel and what is said \
            about both; it runs if it is endorsed or approved.
            """)

    @Argument(help: "An environment, a kernel's name, a digest, at least 8 digits of one, or oci://….")
    var reference: String

    @Option(help: ArgumentHelp("The way to take; auto is the cheapest.", valueName: "way"))
    var how = PullWay.auto

    @Flag(help: "Only say what it would take. Verity trees, without which nobody can tell, are fetched.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Show no progress.")
    var quiet = false

    @OptionGroup var rebuild: RebuildOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var home: HomeOptions

    func validate() throws {
        if rebuild.isGiven && how != .rebuild {
            throw ValidationError("--inputs, --statement and --key go with --how rebuild")
        }
        let isOfRegistry = RegistryReference.isMeant(by: reference)
        if isOfRegistry, how != .auto || dryRun {
            throw ValidationError("a registry gives an image whole; leave --how and --dry-run out")
        }
        if registry.insecure, !isOfRegistry { throw ValidationError("--insecure goes with oci://…") }
    }

    func run() throws {
        if RegistryReference.isMeant(by: reference) {
            let line = ProgressLine(isWanted: !quiet && !json)
            defer { line.clear() }
            let image = RegistryImage(store: try home.store(), options: registry, progress: line)
            return try image.pull(reference, asJSON: json)
        }
        var acceptance = try home.acceptance()
        let wanted = try acceptance.served(reference)
        let sources = try acceptance.sources(of: wanted)
        let line = ProgressLine(isWanted: !quiet && !json)
        defer { line.clear() }
        let answer = try ImagePull.with(
            acceptance.store, acceptance.settings, environment: Host.variables, progress: line.show
        ) { pull in
            if dryRun { return PullAnswer(wanted, plan: try pull.plan(sources, how: how)) }
            var plan: PullPlan?
            let build = how == .rebuild ? try rebuild.action(acceptance.store, home: home, show: line.show) : nil
            let report = try pull.run(
                sources, how: how, at: acceptance.now, rebuild: build,
                planned: {
                    plan = $0
                    line.clear()
                    if !quiet && !json { PullAnswer.say($0) }
                })
            return PullAnswer(wanted, plan: plan, report: report)
        }
        line.clear()
        try answer.show(asJSON: json)
    }
}

extension PullWay: ExpressibleByArgument {}
