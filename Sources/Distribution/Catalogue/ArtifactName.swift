package import GridModel
import ImageStore

/// What a catalogue endorses by digest: an image by its environment, or a kernel.
package enum ArtifactName: Hashable, Sendable {
    case image(Environment)
    case kernel(String)

    /// The experiment, and so the role, that answers for it; systems and kernels are `os`'s.
    package var experiment: String {
        switch self {
        case .image(let environment): environment.software?.experiment ?? "os"
        case .kernel: "os"
        }
    }

    package var description: String {
        switch self {
        case .image(let environment): environment.description
        case .kernel(let name): name
        }
    }

    /// The target path: `lhc/pythia8=8.317.2@debian12/HEX`.
    package func path(of digest: Digest) -> String {
        let name =
            switch self {
            case .image(let environment): String(environment.description.dropFirst(experiment.utf8.count + 1))
            case .kernel(let name): name
            }
        return "\(experiment)/\(FileName.of(name))/\(digest.hex)"
    }

    /// Refuses what would be no role of its own, or no safe name of a file.
    package static func checkExperiment(_ name: String) throws {
        guard Environment.isName(name), !["root", "targets", "snapshot", "timestamp"].contains(name) else {
            throw DistributionError(
                .refused,
                "'\(name.prefix(100))' cannot be an experiment: expected letters, digits, '.', '_', '+' and '-', at most "
                    + "64, the first a letter or digit, and not root, targets, snapshot or timestamp")
        }
    }
}
