import Distribution
import GridModel

/// What a pull would take or took.
struct PullAnswer: Shown {
    let name: String
    let digest: Digest
    let plan: PullPlan?
    /// Nil where it was only asked for.
    let report: PullReport?

    init(_ wanted: SiteAcceptance.Candidate, plan: PullPlan?, report: PullReport? = nil) {
        name = wanted.name
        digest = wanted.digest
        self.plan = plan
        self.report = report
    }

    func printForPeople() {
        if let report {
            for fault in report.faults { Report.line("sojourn: \(fault)") }
            Report.line(
                "sojourn: fetched \(Self.exact(report.bytes)) in \(report.requests.counted("request")) for blobs")
            print(digest)
        } else if let plan {
            for row in Self.lines(plan) { print(row.escapingControls) }
        }
    }

    /// Before it is done.
    static func say(_ plan: PullPlan) {
        for row in lines(plan) { Report.line("sojourn: \(row)") }
    }

    private static func lines(_ plan: PullPlan) -> [String] {
        plan.artifacts.flatMap { artifact in
            ["\(artifact.name) \(artifact.digest.short)"] + artifact.layers.map(line)
                + ["  documents: \(exact(artifact.documentBytes)) in \(artifact.documents.counted("blob"))"]
        } + ["in all: \(exact(plan.bytes))"]
    }

    private static func line(_ layer: PullPlan.Layer) -> String {
        let rest = layer.blocks - layer.blocksInPlace
        let what =
            rest == 0
            ? "all of its \(layer.blocks.counted("block")) are here"
            : "\(rest) of \(layer.blocks.counted("block")) are not in place, \(layer.blocksCopied) of them here under other images"
        let ranges = "ranges: \(exact(layer.rangeBytes)) in \(layer.rangeRequests.counted("request"))"
        let delta = layer.delta.map { "a delta from \($0.from.short): \(exact($0.size))" }
        let ways =
            switch layer.way {
            case .delta: ["; by \(delta ?? "a delta")", " (\(ranges))"]
            case .ranges: ["; by \(ranges)"] + (delta.map { [" (\($0))"] } ?? [])
            case .here, .auto, .rebuild: [""]
            }
        return "  \(layer.name): \(what)\(ways.joined())"
    }

    /// `6.5 MiB (6809444 bytes)`.
    static func exact(_ bytes: Int64) -> String { "\(ByteCount(bytes).rounded) (\(bytes) bytes)" }
}
