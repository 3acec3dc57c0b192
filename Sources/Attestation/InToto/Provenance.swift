package import GridModel
package import StrictJSON

/// How an image came to be: SLSA's provenance (slsa.dev, "Provenance", version 1.0).
package struct Provenance: StatementPredicate {
    package static let type = "https://slsa.dev/provenance/v1"
    package static let limits = StrictJSON.Limits(bytes: 16 << 20)
    /// A build from a recipe and a lock, as `sojourn image build --lock LOCK RECIPE` does it: the parameter `recipe` is
    /// the name of the recipe among the dependencies, the lock is among the by-products. The URI is a name that leads
    /// nowhere, since no host is the project's.
    package static let buildType = "urn:sojourn:build:1"

    package let buildDefinition: BuildDefinition
    package let runDetails: RunDetails

    package struct BuildDefinition: Codable, Equatable, Sendable {
        package let buildType: String
        package let externalParameters: ExternalParameters
        package let internalParameters: InternalParameters
        /// Every recipe and input, the base image and the kernel.
        package let resolvedDependencies: [ResourceDescriptor]
    }

    /// What the one who builds chooses.
    package struct ExternalParameters: Codable, Equatable, Sendable {
        /// Its name.
        package let recipe: String
        /// Nil for a kernel.
        package let environment: Environment?
    }

    package struct InternalParameters: Codable, Equatable, Sendable {
        /// Of the program that built.
        package let version: String
        package let architecture: String
    }

    package struct RunDetails: Codable, Equatable, Sendable {
        package let builder: Builder
        package let metadata: Metadata
        /// The lock, the list of packages and the lists of files.
        package let byproducts: [ResourceDescriptor]
    }

    package struct Builder: Codable, Equatable, Sendable {
        /// `urn:sojourn:home:KEYID`: a home is known by its key. It claims what its signature proves.
        package let id: String
        /// Of `sojourn`, and of the host's tools that the bits depend on, by package.
        package let version: [String: String]
    }

    package struct Metadata: Codable, Equatable, Sendable {
        package let invocationId: String
        package let startedOn: Timestamp
        package let finishedOn: Timestamp
    }

    package func check() throws {
        guard buildDefinition.buildType == Self.buildType else {
            throw AttestationError(
                .otherPredicate,
                "provenance of the build type \(AttestationError.shown(buildDefinition.buildType)), "
                    + "not of \(Self.buildType): read it with the tool of whoever built")
        }
    }
}
