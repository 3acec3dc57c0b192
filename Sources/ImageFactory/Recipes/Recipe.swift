package import GridModel
package import ImageFormat
package import ImageTree

/// What a person wrote: how to make an image or a kernel.
package enum Recipe: Sendable {
    case image(ImageRecipe)
    case kernel(KernelRecipe)

    /// The environment or the kernel's name.
    package var name: String {
        switch self {
        case .image(let recipe): recipe.environment.description
        case .kernel(let recipe): recipe.name
        }
    }
}

/// The file that a recipe came from; its bytes become a blob of the image.
package struct RecipeText: Sendable, Equatable {
    /// Absolute where it was a file; what it names by relative paths lies beside it.
    package let path: String
    package let bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// Which suite of the Debian archive packages come from.
package struct SuiteChoice: Sendable, Equatable {
    package var suite: String
    package var components: [String]
    /// The recipe says that the suite's end of life is known and accepted.
    package var acceptsEndOfLife: Bool
}

/// A recipe for an image: an operating system, or software on one.
package struct ImageRecipe: Sendable {
    package var environment: Environment
    /// Where its filesystem begins.
    package var ground: Ground
    /// Of the Debian archive; on a base, from the base's suite.
    package var packages: [String]
    /// Lines as in pip's requirements files: `NAME==VERSION`, with `--hash=sha256:HEX` where pinned.
    package var requirements: [PythonRequirement]
    package var files: [FileSource]
    package var snapshots: [SnapshotSource]
    /// Shell scripts that run in the tree, in order, after everything else is in it.
    package var scripts: [String]
    package var limits: BuildLimits
    package var permitted: Exemptions
    package var variables: [String: String]
    package var checks: [String]
    package var needs: ImageNeeds?
    package var purpose: String?
    package var licence: String?
    /// The name of a kernel recipe; nil where the base's is taken.
    package var kernel: String?
    package var text: RecipeText

    package enum Ground: Sendable, Equatable {
        /// A new system from the archive.
        case suite(SuiteChoice)
        /// The system recipe that it stands on.
        case base(Environment)
        /// A container image, for `skopeo`: `oci:DIRECTORY[:TAG]`, `docker://NAME`, ...
        case container(String)
    }

    /// The suite of a system's own recipe.
    package var suite: SuiteChoice? { if case .suite(let suite) = ground { suite } else { nil } }
    package var base: Environment? { if case .base(let base) = ground { base } else { nil } }
}

/// A line of a requirements file (PEP 508 without markers and addresses).
package struct PythonRequirement: Sendable, Equatable {
    /// Name, extras and versions: `numpy>=1.26,<2`.
    package var specifier: String
    /// Of the wheels that are accepted; any where it is empty.
    package var digests: [Digest]
}

/// A file of the image that the recipe brings: its content, or the name of a file beside the recipe.
package struct FileSource: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case text(String)
        /// Relative to the recipe, or absolute.
        case file(String)
    }

    /// Absolute in the image.
    package var path: String
    package var content: Content
    package var mode: UInt16
}

/// A directory or a tar of an experiment's build server, as it stands.
package struct SnapshotSource: Sendable, Equatable {
    /// Relative to the recipe, or absolute.
    package var source: String
    /// The directory of the image that it becomes.
    package var destination: String
}

/// What a build may take; what exceeds it is ended.
package struct BuildLimits: Sendable, Equatable {
    package var time: WallTime
    package var disk: ByteCount
    package var memory: ByteCount
}

/// A recipe for a kernel artifact.
package struct KernelRecipe: Sendable {
    package var name: String
    package var suite: SuiteChoice
    /// The kernel's package, or one that depends on it: `linux-image-cloud-amd64`.
    package var package: String
    /// Modules that are loaded before the filesystems are mounted; what they depend on is found.
    package var bootModules: [String]
    /// Modules that are loaded once the payload's environment stands.
    package var lateModules: [String]
    package var purpose: String?
    package var licence: String?
    package var text: RecipeText
}
