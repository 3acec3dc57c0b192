package import GridModel
package import ImageFormat

/// What there is to tell about an image or a kernel.
package struct ImageFacts: Sendable {
    /// An image or a kernel by its name and its manifest.
    package struct Artifact: Hashable, Sendable {
        package let name: String
        package let digest: Digest

        package init(name: String, digest: Digest) {
            self.name = name
            self.digest = digest
        }
    }

    package let artifact: Artifact
    package let manifest: OCIManifest
    package let lock: Lock
    package let packages: PackageList
    /// Nil for a kernel.
    package var environment: Environment?
    /// In the OCI's words.
    package var architecture = "amd64"
    /// As the recipe says.
    package var licence: String?
    /// The image that it stands on.
    package var base: Artifact?

    package init(_ artifact: Artifact, manifest: OCIManifest, lock: Lock, packages: PackageList) {
        self.artifact = artifact
        self.manifest = manifest
        self.lock = lock
        self.packages = packages
    }

    /// Of an image; `digest` is its manifest's.
    package init(
        _ configuration: ImageConfiguration, digest: Digest, manifest: OCIManifest, lock: Lock, packages: PackageList
    ) {
        let artifact = Artifact(name: configuration.environment.description, digest: digest)
        self.init(artifact, manifest: manifest, lock: lock, packages: packages)
        environment = configuration.environment
        architecture = configuration.architecture
        licence = configuration.licence
    }
}

/// One run of the program that built an image.
package struct BuildRun: Sendable {
    /// Another one for each run.
    package let identifier: String
    package let started: Timestamp
    package let finished: Timestamp
    /// Versions of the host's tools that the bits depend on, by package.
    package let tools: [String: String]

    package init(identifier: String, started: Timestamp, finished: Timestamp, tools: [String: String]) {
        self.identifier = identifier
        self.tools = tools
        self.started = started
        self.finished = finished
    }
}
