package import GridModel
package import ImageFormat

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
    /// The system recipe that it stands on.
    package var base: Environment?
    /// Nil where the base's is taken.
    package var suite: SuiteChoice?
    package var packages: [String]
    package var wheels: [PythonWheel]
    package var variables: [String: String]
    package var checks: [String]
    package var needs: ImageNeeds?
    package var purpose: String?
    package var licence: String?
    /// The name of a kernel recipe; nil where the base's is taken.
    package var kernel: String?
    /// Its own text first, then its base's.
    package var texts: [RecipeText]
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

/// A wheel of the Python package index, pinned by its content.
package struct PythonWheel: Sendable, Equatable {
    package var name: String
    package var version: String
    /// `cp311-cp311-manylinux_2_17_x86_64`: interpreter, binary interface, platforms joined by dots (PEP 425).
    package var tag: String
    package var digest: Digest

    package var fileName: String { "\(name)-\(version)-\(tag).whl" }
    package var parts: (interpreter: String, abi: String, platforms: [String]) {
        let parts = tag.split(separator: "-").map(String.init)
        return (parts[0], parts[1], parts[2].split(separator: ".").map(String.init))
    }
    /// `3.11` of `cp311`.
    package var pythonVersion: String { "3.\(parts.interpreter.dropFirst(3))" }
}
