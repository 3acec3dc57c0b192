import ArgumentParser
import Distribution
import ImageStore

struct ImageDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what differs between two images or two kernels.",
        discussion: """
            Packages, counts of files, layers, and the bytes that a host which has the first must fetch for the second: to the \
            byte what 'site sync' and 'image pull' then move of them. It is a report: the exit code is 0 whether they differ \
            or not.
            """)

    @Argument(help: "An environment, a kernel's name, a digest, or at least 8 digits of one.")
    var first: String

    @Argument(help: "Likewise.")
    var second: String

    @Flag(help: "List every file that differs.")
    var files = false

    @Flag(help: "Make a delta too, to tell its size: a second or so for each megabyte that is new.")
    var delta = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let (old, new) = (try store.artifact(reference: first), try store.artifact(reference: second))
        let line = ProgressLine(isWanted: !json)
        defer { line.clear() }
        let pull = try PullPrediction(from: old, to: new, store, makingDeltas: delta, progress: line.show)
        line.clear()
        try ImageDifference(from: old, to: new, store, listingFiles: files, pull: pull).show(asJSON: json)
    }
}
