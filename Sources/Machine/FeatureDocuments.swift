import GridModel
package import GuestProtocol

/// The machine's and the job's features (HSF-TN-2016-02, "Machine/Job Features"): a document for each key that is
/// determined, and none for the others.
package struct FeatureDocuments: Sendable {
    private let specification: MachineSpecification

    package init(_ specification: MachineSpecification) { self.specification = specification }

    /// As they are when the payload starts.
    package var documents: [GuestDocument] { machine + job }

    private var machine: [GuestDocument] {
        let hosting = specification.hosting
        return Self.documents(
            "machinefeatures",
            [
                ("total_cpu", hosting.map { .text("\($0.cores)") }),
                ("hs06", hosting?.benchmark.map { .text(Self.decimal($0)) }),
                // Every end that is announced leaves so much.
                ("grace_secs", .text("\(grace)")),
            ])
    }

    private var job: [GuestDocument] {
        Self.documents(
            "jobfeatures",
            [
                ("job_id", .text("\(specification.id)")),
                ("allocated_cpu", .text("\(specification.cores)")),
                ("hs06_job", share.map { .text(Self.decimal($0)) }),
                ("jobstart_secs", .start(plus: 0)),
                ("wall_limit_secs", specification.wall.map { .text("\($0.seconds)") }),
                ("cpu_limit_secs", processorLimit.map { .text("\($0)") }),
                ("max_rss_bytes", .text("\(specification.memory.bytes)")),
                ("max_swap_bytes", .text("\(specification.swap?.bytes ?? 0)")),
                ("scratch_limit_bytes", .text("\(specification.scratch.bytes)")),
                ("grace_secs_job", .text("\(grace)")),
                (Self.shutdownKey, specification.wall.map { .start(plus: UInt64($0.seconds)) }),
            ])
    }

    /// When the job has to be gone after an end that was announced at `now`, in seconds since 1970.
    package func shutdown(announced now: Int64) -> GuestDocument {
        GuestDocument(name: "jobfeatures/\(Self.shutdownKey)", text: "\(now + grace)")
    }

    private static let shutdownKey = "shutdowntime_job"

    private var grace: Int64 { specification.timings.graceSeconds }

    /// Of all processors together.
    private var processorLimit: Int64? {
        specification.cpu?.seconds ?? specification.wall?.times(specification.cores).seconds
    }

    private var share: Double? {
        guard let hosting = specification.hosting, let benchmark = hosting.benchmark, hosting.cores > 0 else {
            return nil
        }
        return benchmark * Double(specification.cores) / Double(hosting.cores)
    }

    private static func documents(
        _ directory: String, _ keys: [(key: String, content: GuestDocument.Content?)]
    ) -> [GuestDocument] {
        keys.compactMap { key, content in content.map { GuestDocument(name: "\(directory)/\(key)", $0) } }
    }

    /// With two decimals at most, and none where they say nothing: some readers expect a whole number.
    private static func decimal(_ value: Double) -> String {
        guard let hundredths = Int64(exactly: (value * 100).rounded()) else { return "\(value)" }
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        if rest == 0 { return "\(whole)" }
        return rest % 10 == 0 ? "\(whole).\(rest / 10)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
