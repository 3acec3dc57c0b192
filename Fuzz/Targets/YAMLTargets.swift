import ImageFactory
import Policy
import Settings
import StrictYAML

@testable import Commands

extension FuzzTarget {
    static let yaml = [
        FuzzTarget("requirement", refusals: YAMLFault.self) { bytes in
            _ = try RequirementDocument.parse(bytes, file: "fuzz.yaml")
        },
        FuzzTarget("recipe", refusals: ImageFactoryError.self) { bytes in
            _ = try Recipe(parsing: RecipeText(path: "/recipes/fuzz.yaml", bytes: bytes))
        },
        FuzzTarget("configuration", refusals: YAMLFault.self) { bytes in
            _ = try ConfigurationDocument(parsing: bytes, file: "config.yaml")
        },
        FuzzTarget("advisory", refusals: YAMLFault.self) { bytes in
            let advisory = try Advisory(parsing: bytes, file: "fuzz.yaml")
            try BrokenPromise.unless(!advisory.id.contains("/"), "an id that is no name of a file")
        },
    ]
}
